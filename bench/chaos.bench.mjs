// How much sooner the deliberately broken variants of the torture tests fall with --chaos than without.
import { Interrupt } from '../dist/cli/interrupt.js';
import { runTurn } from '../dist/cli/stress-turn.js';
import { tortureControls } from '../dist/cli/torture.js';
import { compileModule } from '../dist/module/compile.js';
import { DEFAULT_MEMORY } from '../dist/machine/params.js';
import { heading, line } from './lib.mjs';

const RUNS = 5;
const LIMIT_S = 15;
const OPTIONS = {
  cpus: 4,
  memory: DEFAULT_MEMORY,
  round: 10,
  watchdog: 10,
  heap: 256,
  proc: [],
  quiet: true,
  json: false,
};

/** Seconds until it was caught, LIMIT_S if it was not. */
async function until_caught(control, module, chaos) {
  const turn = await runTurn(
    control,
    module,
    LIMIT_S,
    { ...OPTIONS, cpus: Math.max(OPTIONS.cpus, control.cpus), chaos },
    new Interrupt(),
    () => {},
    null,
  );
  return turn.failure === null ? LIMIT_S : Math.min(LIMIT_S, turn.seconds);
}
const median = (xs) => [...xs].sort((a, b) => a - b)[xs.length >> 1];

export default async function chaos() {
  heading(`Broken variants of the torture tests: seconds until caught, 4 CPUs, median of ${RUNS} (at most ${LIMIT_S})`);
  for (const control of tortureControls()) {
    const module = await compileModule(control.file, { build: 'free', check: false });
    const plain = [];
    const disturbed = [];
    for (let i = 0; i < RUNS; i++) {
      plain.push(await until_caught(control, module, null));
      disturbed.push(await until_caught(control, module, i + 1));
    }
    const [p, d] = [median(plain), median(disturbed)];
    const most = (xs) => Math.max(...xs).toFixed(2);
    line(
      control.name,
      `${p.toFixed(2)} s, with chaos ${d.toFixed(2)} s`,
      `${(p / d).toFixed(1)} times as soon; at most ${most(plain)} and ${most(disturbed)} s`,
    );
  }
}
