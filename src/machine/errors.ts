// What can go wrong on the host's side, with the exit code each stands for.

/** Base of the host's errors: `exitCode` is the documented exit code of the command line. */
export class LockstepError extends Error {
  readonly exitCode: number = 1;
}
/** The run found something: a panic, a dead or stalled CPU, a failed init. Exit code 1. */
export class MachineFailure extends LockstepError {
  override name = 'MachineFailure';
}
/** Wrong use of an API or a command. Exit code 2. */
export class UsageError extends LockstepError {
  override name = 'UsageError';
  override readonly exitCode: number = 2;
}
/** A file is missing, memory is short, a worker died for want of it. Exit code 3. */
export class EnvironmentFailure extends LockstepError {
  override name = 'EnvironmentFailure';
  override readonly exitCode: number = 3;
}
