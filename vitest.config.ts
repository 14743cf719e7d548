import './base/require-node.mjs';
import { configDefaults, defineConfig } from 'vitest/config';

const stripped = new URL('./tools/testing/stripped.mjs', import.meta.url).href;

export default defineConfig({
  test: {
    include: ['{base,proto,aggregation,coordinator,client,cli,demo,lab,tools,bench,deploy}/**/*.test.ts'],
    // They need root, crun and half a gigabyte of cache; tools/test.mjs says that they were left out.
    exclude: [...configDefaults.exclude, ...(process.env.TESTUDO_IMAGES === 'off' ? ['deploy/images/**'] : [])],
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
