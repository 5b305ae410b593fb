// The compile thread: it stays, so that the event loop is free while C is compiled, and a second compilation finds the
// compiler loaded. One job at a time, in order.
import { parentPort } from 'node:worker_threads';
import { build, type Job, type Made } from './build.js';

export interface Order {
  id: number;
  job: Job;
}
export type Reply = { id: number } & ({ made: Made } | { error: Error; exitCode: number | undefined });

process.removeAllListeners('warning'); // Node's own, as in cli/main.ts

const port = parentPort!;
let last: Promise<void> = Promise.resolve();

port.on('message', ({ id, job }: Order) => {
  last = last.then(async () => {
    let reply: Reply;
    try {
      reply = { id, made: await build(job) };
    } catch (error) {
      reply = { id, error: error as Error, exitCode: (error as { exitCode?: number }).exitCode };
    }
    port.postMessage(reply);
  });
});
