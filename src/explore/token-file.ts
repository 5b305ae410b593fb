// A token as a file, `NAME.lockstep`: JSON with the token and what a person wants to know of it. Only the token and the
// module's place are read again; a file that says otherwise than its token is refused.
import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { EnvironmentFailure, UsageError } from '../machine/errors.js';
import { decode_token } from './token.js';

export const TOKEN_FILE_SUFFIX = '.lockstep';
const FORMAT = 'lockstep-token-1';
const { version: VERSION } = createRequire(import.meta.url)('../../package.json') as { version: string };

export interface TokenFile {
  format: typeof FORMAT;
  token: string;
  /** The module's file, as it lies from this one. */
  module: string;
  /** First 8 hex digits of the hash of its sources. */
  hash: string;
  cpus: number;
  parameters: Record<string, string>;
  verdict: string;
  message: string;
  /** Version of Lockstep. */
  created_by: string;
}

/**
 * Writes the file, whole or not at all. Throws EnvironmentFailure if it cannot be written.
 * @param module path of the module's file
 */
export async function save_token(
  path: string,
  { token, verdict, message }: { token: string; verdict: string; message: string },
  module: string,
): Promise<void> {
  const { cpus, parameters, module: hash } = decode_token(token);
  const content: TokenFile = {
    format: FORMAT,
    token,
    module: relative(dirname(resolve(path)), resolve(module)),
    hash,
    cpus,
    parameters: Object.fromEntries(parameters),
    verdict,
    message,
    created_by: VERSION,
  };
  const draft = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`, { flag: 'wx' });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw new EnvironmentFailure(`cannot write the token to ${path}: ${(error as Error).message}`);
  }
}

/** Return: the token, and the module's path. Throws UsageError for a file that is none, EnvironmentFailure if it cannot be read. */
export async function read_token_file(path: string): Promise<{ token: string; module: string }> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new EnvironmentFailure(`cannot read the token file ${path}: ${(error as Error).message}`);
  }
  let content: Partial<TokenFile> | null;
  try {
    content = JSON.parse(text) as Partial<TokenFile> | null;
  } catch (error) {
    throw new UsageError(`${path} is no token file: ${(error as Error).message}`);
  }
  const { format, token, module, hash } = content ?? {};
  if (format !== FORMAT)
    throw new UsageError(
      `${path} is no token file that this version reads: its format is ${JSON.stringify(format) ?? 'not said'}, not "${FORMAT}"`,
    );
  if (typeof token !== 'string' || typeof module !== 'string')
    throw new UsageError(`${path} is damaged: it has no ${typeof token === 'string' ? 'module' : 'token'}`);
  if (decode_token(token).module !== hash)
    throw new UsageError(
      `${path} is damaged: its token is of the module ${decode_token(token).module}, not ${String(hash)}`,
    );
  return { token, module: resolve(dirname(path), module) };
}
