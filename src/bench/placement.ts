// The placement probe: two raw threads, how much more they do than one without sharing anything, and how long a round
// trip between them takes. The host decides which threads share a core, and a figure of several CPUs means little while
// it has put them on one.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';

const MS = 30;
const ROUNDS = 500;
/** Two threads on two cores do at least so much of one's work. */
const GOOD = 1.7;

export interface Placement {
  scaling: number;
  futex_ns: number;
  atomics_ns: number;
  good: boolean;
}
type Task = 'spin' | 'futex' | 'atomics';

function spin(I: Int32Array): number {
  let n = 0;
  for (const end = performance.now() + MS; performance.now() < end;)
    for (let i = 0; i < 2000; i++) n = (n + (i & 1)) | 0;
  let count = 0;
  for (const end = performance.now() + MS; performance.now() < end; count++)
    for (let i = 0; i < 2000; i++) n = (n * 31 + i) | 0;
  I[8] = n;
  return count;
}
/** Two words, each written by one of the two. Return: ns of a round trip. */
function bounce(I: Int32Array, who: number, futex: boolean): number {
  const other = 1 - who;
  const began = performance.now();
  for (let i = 1; i <= ROUNDS; i++) {
    const wait = (): void => {
      while (Atomics.load(I, other) !== i) if (futex) Atomics.wait(I, other, i - 1, 100);
    };
    if (who === 1) wait();
    Atomics.store(I, who, i);
    if (futex) Atomics.notify(I, who);
    if (who === 0) wait();
  }
  return ((performance.now() - began) * 1e6) / ROUNDS;
}

const given = workerData as { placement?: { I: Int32Array; who: number } } | null;
if (!isMainThread && given?.placement !== undefined) {
  const { I, who } = given.placement;
  parentPort!.on('message', (what: Task) =>
    parentPort!.postMessage(what === 'spin' ? spin(I) : bounce(I, who, what === 'futex')),
  );
}

let threads: { I: Int32Array; workers: Worker[] } | null = null;

export async function placement(): Promise<Placement> {
  if (threads === null) {
    const I = new Int32Array(new SharedArrayBuffer(64));
    const workers = [0, 1].map(
      (who) => new Worker(fileURLToPath(import.meta.url), { workerData: { placement: { I, who } } }),
    );
    threads = { I, workers };
  }
  const { I, workers } = threads;
  const ask = (w: Worker, what: Task): Promise<number> =>
    new Promise((resolve, reject) => {
      const failed = (error: Error): void => reject(error);
      w.once('error', failed);
      w.once('message', (n: number) => {
        w.off('error', failed);
        resolve(n);
      });
      w.postMessage(what);
    });
  const both = (what: Task): Promise<number[]> => {
    I.fill(0);
    return Promise.all(workers.map((w) => ask(w, what)));
  };
  const one = await ask(workers[0]!, 'spin');
  const two = await both('spin');
  const [futex_ns] = (await both('futex')) as [number];
  const [atomics_ns] = (await both('atomics')) as [number];
  const scaling = (two[0]! + two[1]!) / one;
  return { scaling, futex_ns, atomics_ns, good: scaling >= GOOD };
}
export async function end_placement(): Promise<void> {
  const workers = threads?.workers ?? [];
  threads = null;
  await Promise.all(workers.map((w) => w.terminate()));
}
export const placement_text = (p: Placement): string =>
  `two threads do ${p.scaling.toFixed(2)} times one, futex round trip ${(p.futex_ns / 1000).toFixed(1)} us, Atomics ${(p.atomics_ns / 1000).toFixed(2)} us`;
