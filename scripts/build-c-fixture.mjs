// Builds test/fixtures/c/*.ko from the C beside them: `node scripts/build-c-fixture.mjs`, after `npm run build`. Needs the
// optional packages @yowasp/clang and binaryen. The .ko files are committed, so that the tests of C tasks run without
// them; built.json says from which sources each was made, and test/cc-fixture.test.ts holds it against these.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
export const FOLDER = at('../test/fixtures/c/');
export const BUILT = `${FOLDER}built.json`;
/** Module by module: the C files, then what they include. */
export const MODULES = { 'migrate.ko': { sources: ['migrate.c'], headers: [] } };

/** SHA-256 over what a module is made from: its files, and the calls at which it can be suspended. */
export function sourceHash({ sources, headers }, names) {
  const hash = createHash('sha256').update(names.join(' '));
  for (const file of [...sources, ...headers]) hash.update(`\0${file}\0`).update(readFileSync(FOLDER + file));
  return hash.digest('hex');
}

/** The module's bytes, as the committed file should have them. */
export async function build({ sources }) {
  const { compileC } = await import('../dist/cc/compile.js');
  const { ko } = await compileC(sources.map((f) => FOLDER + f));
  return ko;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { SLEEPER_NAMES } = await import('../dist/cc/names.js');
  const built = {};
  for (const [name, made_from] of Object.entries(MODULES)) {
    writeFileSync(FOLDER + name, await build(made_from));
    built[name] = sourceHash(made_from, SLEEPER_NAMES);
    console.log(`${name}: built`);
  }
  writeFileSync(BUILT, `${JSON.stringify(built, null, 2)}\n`);
}
