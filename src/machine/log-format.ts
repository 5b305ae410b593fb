// Log records as text, like dmesg.
import type { LogRecord } from '../kernel/log-reader.js';

/** `[    0.012345] text`; a continuation has no stamp. */
export function format_record(record: LogRecord): string {
  return record.text
    .split('\n')
    .map((line) => `[${(record.ts / 1e9).toFixed(6).padStart(12)}] ${line}`)
    .join('\n');
}
