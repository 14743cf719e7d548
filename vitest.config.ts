import './base/require-node.mjs';
import { defineConfig } from 'vitest/config';

const stripped = new URL('./tools/testing/stripped.mjs', import.meta.url).href;

export default defineConfig({
  test: {
    include: ['{base,proto,aggregation,coordinator,client,cli,demo,lab,tools,bench}/**/*.test.ts'],
    // Worker threads and child processes do the heavy work; two files at once fill a two-core machine.
    pool: 'forks',
    maxWorkers: 2,
    // Threads inherit the argument, processes the variable.
    execArgv: ['--import', stripped],
    env: { NODE_OPTIONS: `--import ${stripped}` },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['{base,proto,aggregation,coordinator,client,cli}/**/*.ts'],
      exclude: ['**/*.test.ts', '**/generated/**', '**/assembly/**'],
    },
  },
});
