// The headers in include/ and the kernel's TypeScript are one definition.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { gfp_flags, layout } from '../scripts/c-layout.mjs';

test.each([
  ['layout.h', layout],
  ['gfp.h', gfp_flags],
])('include/lockstep/%s is what the TypeScript structs make (else: node scripts/c-layout.mjs)', (name, made) => {
  expect(readFileSync(new URL(`../include/lockstep/${name}`, import.meta.url), 'utf8')).toBe(made);
});
