// The host's side of the mailbox: see kernel/mailbox.ts for its words. One request at a time; who calls sees to that.
import { Box, Request } from '../kernel/mailbox.js';
import { UsageError } from './errors.js';
import { MAILBOX_TEXT, MAILBOX_TEXT_SIZE } from './memory-map.js';
import type { Pool } from './pool.js';

export { Request };

export interface Answer {
  /** 0 or -errno. */
  result: number;
  text: string;
  /** The task that served the request died of an oops. */
  oopsed: boolean;
}

/** Box.STATE of a request that has been answered. */
export const ANSWERED = 3;

/** Writes a request; the interrupt that tells CPU 0 of it is the caller's. */
export function post_request({ I32, U8 }: Pool, what: Request, text: string, argument: number): void {
  const bytes = Buffer.from(text);
  if (bytes.length > MAILBOX_TEXT_SIZE) throw new UsageError('the request is too long');
  U8.set(bytes, MAILBOX_TEXT);
  I32[Box.WHAT >> 2] = what;
  I32[Box.ARGUMENT >> 2] = argument;
  I32[Box.LENGTH >> 2] = bytes.length;
  I32[Box.OOPSED >> 2] = 0;
  Atomics.store(I32, Box.STATE >> 2, 1);
}
export const request_state = ({ I32 }: Pool): number => Atomics.load(I32, Box.STATE >> 2);

/** Takes the answer and frees the mailbox. */
export function take_answer(pool: Pool): Answer {
  const { I32 } = pool;
  const answer = { result: I32[Box.RESULT >> 2]!, text: mailbox_text(pool), oopsed: I32[Box.OOPSED >> 2] !== 0 };
  Atomics.store(I32, Box.STATE >> 2, 0);
  return answer;
}
/** What is in the mailbox, also while a request is being served: nothing of it is to be trusted then. */
export function mailbox_text({ I32, U8 }: Pool): string {
  const length = Math.min(MAILBOX_TEXT_SIZE, Math.max(0, I32[Box.LENGTH >> 2]!));
  return Buffer.from(U8.slice(MAILBOX_TEXT, MAILBOX_TEXT + length)).toString();
}
