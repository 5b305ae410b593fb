// noinstr: never transformed, never interrupted.
// How time passes in a busy delay: by itself. Replaced by stepped/delay.ts, where it has to be made to.

/** Return: true if the time has been passed here. */
export const pass_time = (_ns: number): boolean => false;
