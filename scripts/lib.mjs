// What the scripts share: paths, running programs, installing and building what is missing or stale. Plain Node,
// nothing installed: this is what runs first on a fresh clone.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const cli = join(root, 'dist/cli/main.js');

/** Notes about the work of the scripts themselves: on stderr, so that results on stdout stay clean. */
export const note = (text) => process.stderr.write(`${text}\n`);

export function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 20) return;
  note(`Lockstep needs Node 20 or newer; this is ${process.version}.`);
  process.exit(3);
}

/** Runs a program to its end. Return: its exit code; 128 + the number for a signal. */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    // Ctrl-C reaches the child too; it ends, and this process after it.
    const ignore = () => {};
    const pass = (signal) => child.kill(signal);
    process.on('SIGINT', ignore);
    process.on('SIGTERM', pass);
    const done = (code) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', pass);
      resolve(code);
    };
    child.on('error', (error) => {
      note(`cannot run ${command}: ${error.message}`);
      done(3);
    });
    child.on('exit', (code, signal) => done(code ?? (signal === 'SIGINT' ? 130 : 128)));
  });
}

/** A program of node_modules, run by this Node. */
export const bin = (name, file) => join(root, 'node_modules', name, file);
export const tsc = bin('typescript', 'bin/tsc');

const hashOf = (...texts) => {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('hex');
};
const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** Installs the dependencies unless they are those of package-lock.json. Return: whether they are there. */
function install() {
  const stamp = join(root, 'node_modules/.lockstep-install');
  const wanted = hashOf(read(join(root, 'package-lock.json')));
  if (read(stamp) === wanted) return true;
  const lock = join(root, 'node_modules/.package-lock.json');
  // Installed by hand since the lock file changed: npm has written its own copy then.
  if (existsSync(lock) && statSync(lock).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) {
    writeFileSync(stamp, wanted);
    return true;
  }
  note('Installing dependencies (npm ci) ...');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  // The output of npm goes to stderr: stdout belongs to what was asked for.
  const options = { cwd: root, stdio: ['ignore', 2, 2] };
  const { status } = npm?.endsWith('js')
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
  if (status !== 0) {
    note('npm ci failed: the dependencies could not be installed.');
    return false;
  }
  writeFileSync(stamp, wanted);
  return true;
}

/** All files below a folder, sorted. */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** Compiled files whose source is gone: the stepped build would take them for kernel code. */
function prune() {
  const dist = join(root, 'dist');
  for (const file of filesBelow(dist)) {
    const path = relative(dist, file);
    const source = path.replace(/(\.d\.ts|\.js|\.js\.map|\.d\.ts\.map)$/, '.ts');
    if (source === path || /^(stepped|cpu)-kernel/.test(path)) continue;
    if (!existsSync(join(root, 'src', source))) rmSync(file);
  }
}

/** Builds dist/ unless it is that of the sources as they are. Return: whether it is there now. */
function build(force) {
  const stamp = join(root, 'dist/.lockstep-build');
  const inputs = [...filesBelow(join(root, 'src')), join(root, 'tsconfig.json'), join(root, 'package-lock.json')];
  const wanted = hashOf(...inputs.flatMap((file) => [relative(root, file), readFileSync(file, 'utf8')]));
  if (!force && read(stamp) === wanted && existsSync(cli)) return true;
  note('Building ...');
  rmSync(stamp, { force: true });
  // Without it the compiler writes everything anew.
  if (force || !existsSync(cli)) rmSync(join(root, 'dist/.tsbuildinfo'), { force: true });
  const compiled = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (compiled.status !== 0) {
    note('The build failed: see the errors of the TypeScript compiler above.');
    return false;
  }
  prune();
  for (const [what, file] of [
    ['stepped kernel', 'dist/stepped/build.js'],
    ["program of the CPUs' threads", 'dist/machine/cpu-program.js'],
  ]) {
    const { status } = spawnSync(process.execPath, [join(root, file)], { cwd: root, stdio: ['ignore', 2, 2] });
    if (status === 0) continue;
    note(`The ${what} could not be built: see above.`);
    return false;
  }
  chmodSync(cli, 0o755);
  writeFileSync(stamp, wanted);
  return true;
}

/** Whatever is missing or stale. Return: whether everything is in place. */
export function prepare({ force = false } = {}) {
  checkNode();
  return install() && build(force);
}
