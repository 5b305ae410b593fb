// noinstr: never transformed, never interrupted.
// The log ring. (First version.)
export interface LogMeta { cpu: number; pid: number; ts: number; cont: boolean }
export function log_store(_level: number, _text: string, _meta: LogMeta): boolean {
  return true;
}
