// A data race in words: one line for a verdict, more for a report. Host code.
import { relative } from 'node:path';
import type { RaceAccess, RaceReport } from '../detect/race-report.js';

const place = ({ file, line, column }: RaceAccess): string =>
  file === '' ? 'an unknown place' : `${relative(process.cwd(), file)}:${line}:${column}`;

function deed({ kind, marked, by }: RaceAccess): string {
  const plain = kind === 'read-write' ? 'read and write' : kind;
  return by !== '' ? `${plain} by ${by}()` : marked ? `marked ${plain}` : plain;
}
const who = ({ context, cpu, task, pid }: RaceAccess): string =>
  context === 'task' ? `${task}/${pid}` : `a ${context} on CPU ${cpu}, on top of ${task}/${pid}`;

/** `data race on stats.packets of shared; write at a.ts:20:5 by worker/3; read at a.ts:25:9 by worker/4`. */
export function race_text({ object, accesses }: RaceReport): string {
  return [`data race on ${object}`, ...accesses.map((a) => `${deed(a)} at ${place(a)} by ${who(a)}`)].join('; ');
}

/** The whole of it, a line each. */
export function race_lines(race: RaceReport): string[] {
  const lines = [
    `Data race on ${race.object} (${race.size} byte${race.size === 1 ? '' : 's'} at 0x${race.address.toString(16).padStart(8, '0')})`,
  ];
  if (race.allocated !== '') lines.push(`  ${race.allocated}`);
  for (const a of race.accesses) {
    lines.push('', `${deed(a)} in step ${a.step} by ${who(a)}, CPU ${a.cpu}, at ${place(a)}`);
    if (a.before !== null)
      lines.push(`  value: ${a.before}${a.after === null || a.after === a.before ? '' : ` -> ${a.after}`}`);
    lines.push(`  locks held: ${a.locks.length === 0 ? 'none' : a.locks.join(', ')}`);
    if (a.disabled !== '') lines.push(`  ${a.disabled}`);
    for (const frame of a.stack) lines.push(`    ${frame}`);
  }
  lines.push('', `Nothing orders the two: ${race.other_order.text}.`);
  return lines;
}
