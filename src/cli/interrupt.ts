// Ctrl-C: the first one asks the command to power off and end with code 130, the second one ends the process at once.
// The same for SIGTERM and SIGHUP, and for a stdout that nobody reads any more.
import { LockstepError } from '../machine/errors.js';

/** Thrown out of whatever the command waits for. */
export class Interrupted extends LockstepError {
  override name = 'Interrupted';
  override readonly exitCode: number;
  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

export class Interrupt {
  readonly #controller = new AbortController();
  #reason: Interrupted | null = null;

  /** For libraries that take one. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  /** Why the command is to end, null while it may go on. */
  get reason(): Interrupted | null {
    return this.#reason;
  }

  install(): void {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const)
      process.on(signal, () => {
        if (this.#reason !== null) process.exit(code);
        this.end(code, signal === 'SIGINT' ? 'interrupted' : `ended by ${signal}`);
      });
  }

  end(exitCode: number, message: string): void {
    if (this.#reason !== null) return;
    this.#reason = new Interrupted(exitCode, message);
    this.#controller.abort(this.#reason);
  }

  /** What the promise gives; throws Interrupted when that comes first. The promise goes on by itself then. */
  async race<T>(promise: Promise<T>): Promise<T> {
    if (this.#reason !== null) {
      promise.catch(() => {});
      throw this.#reason;
    }
    const { signal } = this;
    let listener = (): void => {};
    const interrupted = new Promise<never>((_, reject) => {
      listener = () => reject(this.#reason!);
      signal.addEventListener('abort', listener);
    });
    try {
      return await Promise.race([promise, interrupted]);
    } finally {
      signal.removeEventListener('abort', listener);
    }
  }
}
