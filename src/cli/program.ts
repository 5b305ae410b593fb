// The commands, their options and their help, for commander. What a command does is in a file of its own.
import { Command, type CommanderError, Option } from 'commander';
import { createRequire } from 'node:module';
import { DEFAULT_MEMORY, HARD_LOCKUP_MS, MAX_BOUND, MAX_DEPTH, MAX_HEAP_MIB, MIN_HEAP_MIB } from '../machine/params.js';
import { DEFAULT_STRATEGY, STRATEGIES } from '../explore/strategies/index.js';
import type { BenchCommandOptions } from './bench.js';
import type { CcOptions } from './cc.js';
import { cpuCount, integer, memorySize, names, seconds, type CommonOptions } from './arguments.js';
import { exploreCommand, type ExploreCommandOptions } from './explore.js';
import { inspect_address } from '../explore/inspect.js';
import type { Interrupt } from './interrupt.js';
import type { Output } from './output.js';
import { replayCommand, type ReplayCommandOptions } from './replay.js';
import { run, type RunOptions } from './run.js';
import { ROUND_SECONDS, stress, type StressOptions } from './stress.js';

const EXIT_CODES = `
Exit codes:
  0    fine
  1    the run found a bug: an oops, a panic, a warning, a failed init, any verdict
  2    wrong usage, or a source that was refused
  3    the environment failed: a file is missing, memory is short
  130  interrupted by Ctrl-C`;

const examples = (...lines: string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n${EXIT_CODES}`;

/** Builds the command line. `done` gets a command's exit code. */
export function program(out: Output, interrupt: Interrupt, done: (exitCode: number) => void): Command {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  const all = new Command('lockstep')
    .description(
      "An SMP kernel with the Linux kernel's API: run kernel modules in parallel, stress them, find and replay their races.",
    )
    .version(version, '-V, --version')
    .showHelpAfterError('(--help shows what there is)')
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      examples(
        'lockstep run examples/hello.ts',
        'lockstep stress examples/mutex-counter.ts threads=8 --cpus 4 --seconds 10',
        'lockstep explore examples/lost-update.ts',
      ),
    );
  const prepare = (options: Pick<CommonOptions, 'json' | 'quiet'>): void => {
    out.json = options.json;
    out.quiet = options.quiet;
  };
  const cpus = (): Option => new Option('--cpus <n>', 'CPUs of the machine, 1 to 64').argParser(cpuCount);
  const memory = (): Option => new Option('--memory <size>', "the machine's memory").argParser(memorySize);
  const common = (command: Command, cpusOption: Option, memoryOption: Option): Command =>
    command
      .addOption(cpusOption)
      .addOption(memoryOption)
      .option('--json', 'one JSON object on stdout instead of text', false)
      .option('--quiet', 'only what went wrong', false)
      .option('--no-check', 'skip the type check')
      .helpOption('-h, --help', 'this text');
  const heap = (): Option =>
    new Option('--heap <MiB>', "JavaScript heap of each CPU's thread")
      .argParser(integer(MIN_HEAP_MIB, MAX_HEAP_MIB))
      .default(256);
  const watchdog = (): Option =>
    new Option('--watchdog <s>', 'seconds (times CPUs per core) until a CPU that is stuck ends the run')
      .argParser(seconds(0.1))
      .default(HARD_LOCKUP_MS / 1000);

  const proc = (): Option =>
    new Option(
      '--proc <names>',
      'show statistics at the end: interrupts,softirqs,schedstat,tasks,lock_stat,slabinfo,...',
    )
      .argParser(names)
      .default([] as string[], 'none');

  common(all.command('run'), cpus().default(4), memory().default(DEFAULT_MEMORY, '64M'))
    .description('boot, load a module, wait until nothing runs, unload it, power off; prints the kernel log')
    .argument('<file>', 'the module: a TypeScript or C file, a folder with a Makefile, a .ko')
    .argument('[name=value...]', 'its parameters')
    .addOption(
      new Option('--timeout <s>', 'unload a module that never gets idle after this many seconds; 0: wait for ever')
        .argParser(seconds(0))
        .default(60),
    )
    .addOption(watchdog())
    .addOption(heap())
    .addOption(proc())
    .option('--trace <file>', 'write the last events of each CPU as a trace for ui.perfetto.dev')
    .addHelpText(
      'after',
      examples(
        'lockstep run examples/hello.ts',
        'lockstep run examples/mutex-counter.ts threads=8 rounds=1000 --cpus 8',
        'lockstep run examples/mutex-counter.ts --trace trace.json',
        'lockstep run my-driver.ts --timeout 5 --json',
      ),
    )
    .action(async (file: string, parameters: string[], options: RunOptions) => {
      prepare(options);
      done(await run(file, parameters, options, out, interrupt));
    });

  common(all.command('stress'), cpus().default(4), memory().default(DEFAULT_MEMORY, '64M'))
    .description(
      'hammer the kernel, or a module of your own, on parallel CPUs until something breaks or the time is over',
    )
    .argument('[test|file...]', 'names of torture tests (all, without any), or modules; then name=value parameters')
    .addOption(
      new Option(
        '--seconds <s>',
        'how long, all tests together (default: 3 each, 10 for a module of your own)',
      ).argParser(seconds(0.1)),
    )
    .addOption(new Option('--repeat <n>', 'go through the tests so often').argParser(integer(1, 1e6)).default(1))
    .option('--fail-fast', 'stop at the first failure', false)
    .option('--together', 'all of them at the same time, on one machine', false)
    .option('--list', 'only list the tests', false)
    .option('--broken', 'run the deliberately broken variants instead: each must be caught', false)
    .addOption(
      new Option('--chaos <seed>', 'random delays, interrupts and switches, which widen the windows of races')
        .argParser(integer(0, 0xffffffff))
        .default(null, 'none'),
    )
    .option('--trace <file>', 'write the last events before the first failure (or the end) for ui.perfetto.dev')
    .addOption(
      new Option(
        '--round <s>',
        `longest wait for one round to get idle (default: ${ROUND_SECONDS.one}; ${ROUND_SECONDS.together} with --together)`,
      ).argParser(seconds(0.1)),
    )
    .addOption(watchdog())
    .addOption(heap())
    .addOption(proc())
    .addHelpText(
      'after',
      examples(
        'lockstep stress --cpus 8 --seconds 60',
        "lockstep stress spin 'mutex*' --chaos 1",
        'lockstep stress examples/mutex-counter.ts threads=8 rounds=500 --cpus 4 --seconds 30',
        'lockstep stress --together --cpus 16 --memory 256M --seconds 3600',
        'lockstep stress --broken --repeat 20',
      ),
    )
    .action(async (words: string[], options: StressOptions) => {
      prepare(options);
      done(await stress(words, options, out, interrupt));
    });

  common(all.command('explore'), cpus().default(4), memory())
    .description('run a module step by step in one interleaving after the other, and find one that fails')
    .argument('<file>', 'the module, a TypeScript file')
    .argument('[name=value...]', 'its parameters')
    .addOption(new Option('--schedules <n>', 'interleavings to try').argParser(integer(1, Infinity)).default(10_000))
    .addOption(new Option('--seed <n>', 'decides all random choices').argParser(integer(0, 0xffffffff)).default(1))
    .addOption(new Option('--strategy <name>', 'how to choose').choices(STRATEGIES).default(DEFAULT_STRATEGY))
    .addOption(
      new Option('--depth <n>', 'of pct: how many orders a bug needs (default: 3)').argParser(integer(1, MAX_DEPTH)),
    )
    .addOption(
      new Option('--bound <n>', 'of bounded and portfolio: at most so many preemptions').argParser(
        integer(0, MAX_BOUND),
      ),
    )
    .addOption(
      new Option('--max-steps <n>', 'steps of one schedule before it is called a livelock').argParser(
        integer(1, Infinity),
      ),
    )
    .option('--no-races', 'do not look for data races')
    .option('--suppressions <file>', 'data races that are meant: in each line a pattern and the reason why')
    .option('--html <file>', 'write what went wrong as a page to step through in a browser')
    .option('--save <file>', 'write the token to a file NAME.lockstep, for replay FILE; exit code 3 if that fails')
    .option('--no-minimise', 'report the schedule that failed as it was found, however long')
    .addHelpText(
      'after',
      examples(
        'lockstep explore examples/lost-update.ts',
        'lockstep explore examples/producer-consumer.ts items=2 --schedules 100000 --seed 7',
        'lockstep explore examples/lost-update.ts --html lost-update.html',
      ),
    )
    .action(async (file: string, parameters: string[], options: ExploreCommandOptions) => {
      prepare(options);
      done(await exploreCommand(file, parameters, options, out, interrupt));
    });

  common(all.command('replay'), cpus(), memory())
    .description('run the interleaving of a token again, exactly')
    .argument('<token>', 'what explore printed, or a file NAME.lockstep that it saved')
    .argument('[file]', 'the module; without it, the one that the token came from')
    .addOption(
      new Option('--times <n>', 'replay it so often, and compare the hashes of all')
        .argParser(integer(1, 1e6))
        .default(1),
    )
    .addOption(
      new Option('--until <step>', 'stop when so many steps have been made, and tell what CPUs and tasks do').argParser(
        integer(0, Infinity),
      ),
    )
    .addOption(
      new Option('--show <names>', "static data of the module to show there, or at the schedule's end: stats,queue,...")
        .argParser(names)
        .default([] as string[], 'none'),
    )
    .option('--trace <file>', 'write the schedule as a trace in virtual time, for ui.perfetto.dev')
    .addOption(
      new Option('--inspect [address]', "wait for a debugger at Node's inspector, and replay under it")
        .argParser(inspect_address)
        .preset('127.0.0.1:9229'),
    )
    .option('--hash', "print a hash over the machine's memory at each switch", false)
    .option('--html <file>', 'write what went wrong as a page to step through in a browser')
    .option('--suppressions <file>', 'what explore had: data races that are meant')
    .addHelpText(
      'after',
      examples(
        'lockstep replay TOKEN',
        'lockstep replay TOKEN examples/lost-update.ts --times 1000 --hash',
        'lockstep replay TOKEN --until 20 --show shared',
      ),
    )
    .action(async (token: string, file: string | undefined, options: ReplayCommandOptions) => {
      prepare(options);
      done(await replayCommand(token, file, options, out, interrupt));
    });

  all
    .command('cc')
    .description('compile kernel modules in C to .ko files, which run, stress and insmod take')
    .argument('<file...>', 'C files of one module, or a folder with a Makefile; and -D -U -I -O -W -f -m options')
    .option('-o, --output <file>', "the module's file (default: the first C file's name with .ko)")
    .option('--json', 'one JSON object on stdout instead of text', false)
    .option('--quiet', 'no warnings', false)
    .helpOption('-h, --help', 'this text')
    .allowUnknownOption()
    .addHelpText(
      'after',
      examples(
        'lockstep cc hello.c',
        'lockstep cc main.c ring.c -o driver.ko -DDEBUG -Iinclude',
        'lockstep cc my-driver/',
        'LOCKSTEP_CLANG=clang-18 lockstep cc hello.c',
      ),
    )
    .action(async (words: string[], options: CcOptions) => {
      prepare(options);
      // Loaded here: the other commands start faster without it.
      const { ccCommand } = await import('./cc.js');
      done(await ccCommand(words, options, out, interrupt));
    });

  all
    .command('modinfo')
    .description('show what a .ko says of itself')
    .argument('<file>', 'the .ko')
    .option('--json', 'one JSON object on stdout instead of text', false)
    .option('--quiet', 'only what went wrong', false)
    .helpOption('-h, --help', 'this text')
    .addHelpText('after', examples('lockstep modinfo hello.ko'))
    .action(async (file: string, options: CcOptions) => {
      prepare(options);
      const { modinfoCommand } = await import('./cc.js');
      done(modinfoCommand(file, out));
    });

  all
    .command('bench')
    .description('measure the kernel on this host: locks, wake-ups, allocation, timers; compare with an earlier run')
    .argument('[filter...]', 'only figures with this in their name; with --compare, two JSON files')
    .addOption(new Option('--passes <n>', 'samples of each figure').argParser(integer(1, 1000)).default(5))
    .option('--list', 'only list the figures', false)
    .option('--out <file>', 'write the samples as JSON')
    .option('--html <file>', 'write a page with scaling curves')
    .option('--against <file>', 'compare with an earlier run')
    .option('--compare', 'compare two runs, without measuring', false)
    .option('--json', 'one JSON object on stdout instead of text', false)
    .option('--quiet', 'only what went wrong', false)
    .helpOption('-h, --help', 'this text')
    .addHelpText(
      'after',
      examples(
        'lockstep bench --html bench.html',
        'lockstep bench kmalloc --passes 10 --out before.json',
        'lockstep bench kmalloc --against before.json',
        'lockstep bench --compare before.json after.json',
      ),
    )
    .action(async (words: string[], options: BenchCommandOptions) => {
      prepare(options);
      // Loaded here: the other commands start faster without it.
      const { benchCommand } = await import('./bench.js');
      done(await benchCommand(words, options, out, interrupt));
    });

  for (const command of [all, ...all.commands])
    command
      .exitOverride()
      .configureOutput({ outputError: (text, write) => write(`lockstep: ${text.replace(/^error: /, '')}`) });
  return all;
}

/** The exit code that commander's own ends stand for: help and version are fine, all else is wrong usage. */
export const exitCodeOf = (error: CommanderError): number => (error.exitCode === 0 ? 0 : 2);
