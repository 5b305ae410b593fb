import { defineConfig } from 'vitest/config';

// A test never blocks its own thread: vitest would hang for ever. Machines run in workers and are driven by await;
// scripts/test.mjs is the watchdog for all of it.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Each file may boot machines of several CPUs.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
    // Tests of the module compiler share nothing with the user's cache.
    env: { NO_COLOR: '1' },
    // The compiled kernel as Node loads it: through Vite's own module loader it would be several times slower, and its
    // call traces would not lead to the sources.
    server: { deps: { external: [/\/dist\//] } },
  },
});
