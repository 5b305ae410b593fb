// noinstr: never transformed, never interrupted.
// The stepped build can note which words of memory are read and written (stepped/observe.ts stands in for this file);
// here nothing is. Called by the generated accessors of that build only.
export const see = (_a: number): void => {};
