// For the tests of the command line: the real program as a child process, killed if it hangs.
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CLI = join(ROOT, 'dist/cli/main.js');

export interface Ran {
  /** Exit code; the signal's name if it was killed. */
  code: number | string;
  stdout: string;
  stderr: string;
}
export interface RunSettings {
  /** Milliseconds until it is killed as hanging. */
  limit?: number;
  /** Milliseconds until it gets one SIGINT. */
  interruptAfter?: number;
}

/** Runs `lockstep ...args` in the repository's folder. */
export function lockstep(args: string[], { limit = 60_000, interruptAfter }: RunSettings = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NO_COLOR: '',
        FORCE_COLOR: '',
        LOCKSTEP_DEBUG: '',
        LOCKSTEP_CACHE: join(tmpdir(), 'lockstep-test-cache'),
      },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const interrupt = interruptAfter === undefined ? undefined : setTimeout(() => child.kill('SIGINT'), interruptAfter);
    const watchdog = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`lockstep ${args.join(' ')} did not end within ${limit} ms\n${stdout}\n${stderr}`));
    }, limit);
    child.on('close', (code, signal) => {
      clearTimeout(watchdog);
      clearTimeout(interrupt);
      resolve({ code: code ?? signal ?? 'none', stdout, stderr });
    });
  });
}

/** No error may show a JavaScript stack of Lockstep's own host code. */
export const hasOwnStack = (text: string): boolean =>
  /\n\s+at .*(dist|src)\/(cli|machine|module)\//.test(text) || /node:internal/.test(text);
