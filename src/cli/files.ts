// Files that a command writes beside what it prints. A path is tried before the work begins, so that a bad one costs
// nothing; all ways in which it fails end in the same words.
import { closeSync, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { EnvironmentFailure } from '../machine/errors.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'the folder does not exist',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'it is a folder',
  EFBIG: 'the file would be too large',
  EIO: 'input/output error',
};

/** `option` is what named the file: `--html`. */
export function unwritable(option: string, file: string, error: unknown): EnvironmentFailure {
  const { code, message } = error as NodeJS.ErrnoException;
  return new EnvironmentFailure(`${option}: cannot write ${file}: ${REASONS[code ?? ''] ?? message}`);
}

/** Throws EnvironmentFailure if the file could not be written; leaves it as it is. */
export function checkWritable(option: string, file: string): void {
  const there = existsSync(file);
  try {
    closeSync(openSync(file, 'a'));
    if (!there) rmSync(file);
  } catch (error) {
    throw unwritable(option, file, error);
  }
}
/** Throws EnvironmentFailure. */
export function writeText(option: string, file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw unwritable(option, file, error);
  }
}
