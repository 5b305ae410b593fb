// `lockstep replay --inspect`: a debugger attaches, finds the module's TypeScript by the source map of what is loaded,
// sets a breakpoint by its file and line as debuggers do, and is paused there.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { allGeneratedPositionsFor, LEAST_UPPER_BOUND, originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { expect, test } from 'vitest';
import { inspect_address } from '../dist/explore/inspect.js';
import { Debugger } from './inspect-client.js';
import { example, search } from './stepped-helpers.js';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

interface Script {
  scriptId: string;
  url: string;
  sourceMapURL: string;
}
interface Paused {
  reason: string;
  hitBreakpoints: string[];
  callFrames: { location: { scriptId: string; lineNumber: number; columnNumber: number } }[];
}

test('a breakpoint in the TypeScript pauses there, on each CPU in the order of the token', async () => {
  const file = example('races/lost-update');
  const { failure } = await search(file, { schedules: 1000 });
  const source = readFileSync(file, 'utf8').split('\n');
  const line = source.findIndex((text) => text.includes('rx_packets++') && !text.startsWith('//')) + 1;
  expect(line).toBeGreaterThan(0);
  const child = spawn(process.execPath, [main, 'replay', failure!.token, file, '--no-check', '--inspect=127.0.0.1:0']);
  let out = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  let told = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      told += String(chunk);
      const found = /ws:\/\/\S+/.exec(told);
      if (found !== null) resolve(found[0]);
    });
    child.once('exit', () => reject(new Error(told)));
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const client = await Debugger.attach(url);
  try {
    await client.send('Runtime.enable');
    await client.send('Debugger.enable');
    await client.send('Runtime.runIfWaitingForDebugger');
    const script = await client.event<Script>('Debugger.scriptParsed', (s: Script) => s.url.endsWith('.stepped.cjs'));
    const [, base64] = /^data:application\/json;base64,(.*)$/s.exec(script.sourceMapURL)!;
    const map = new TraceMap(Buffer.from(base64!, 'base64').toString());
    expect(map.sources).toEqual([pathToFileURL(file).href]);
    // It waits once more when the module is loaded.
    await client.event<Paused>('Debugger.paused');
    const places = allGeneratedPositionsFor(map, { source: map.sources[0]!, line, column: 0, bias: LEAST_UPPER_BOUND });
    expect(places.length).toBeGreaterThan(0);
    for (const place of places)
      await client.send('Debugger.setBreakpoint', {
        location: { scriptId: script.scriptId, lineNumber: place.line - 1, columnNumber: place.column },
      });
    await client.send('Debugger.resume');
    for (let hits = 0; hits < 2; hits++) {
      const paused = await client.event<Paused>('Debugger.paused');
      expect(paused.hitBreakpoints.length).toBeGreaterThan(0);
      const { lineNumber, columnNumber } = paused.callFrames[0]!.location;
      expect(originalPositionFor(map, { line: lineNumber + 1, column: columnNumber })).toMatchObject({
        source: pathToFileURL(file).href,
        line,
      });
      await client.send('Debugger.resume');
    }
    await client.send('Debugger.disable');
  } finally {
    client.close();
  }
  expect(await ended).toBe(1);
  expect(out).toContain(failure!.message);
});

test.each([
  ['9229', { host: '127.0.0.1', port: 9229 }],
  ['0.0.0.0:1', { host: '0.0.0.0', port: 1 }],
  ['[::1]:99', { host: '::1', port: 99 }],
])('%s is an address', (text, address) => {
  expect(inspect_address(text)).toEqual(address);
});
test.each(['', 'x', 'a:b', '1:65536', ':1:1'])('"%s" is none', (text) => {
  expect(() => inspect_address(text)).toThrow(/no address like 9229 or 127\.0\.0\.1:9229/);
});
