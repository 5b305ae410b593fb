// The Chrome trace event format, as far as chrome-trace.ts writes it.

export interface ChromeEvent {
  name: string;
  ph: 'X' | 'i' | 's' | 'f' | 'M';
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  cat?: string;
  s?: 't' | 'g';
  id?: number;
  bp?: 'e';
  args?: Record<string, unknown>;
}
export interface ChromeTrace {
  traceEvents: ChromeEvent[];
  displayTimeUnit: 'ns';
  otherData: Record<string, unknown>;
}
