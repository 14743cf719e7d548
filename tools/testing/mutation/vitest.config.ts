import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const hooks = ['../stripped.mjs', './switched.mjs'].flatMap((name) => [
  '--import',
  new URL(name, import.meta.url).href,
]);

/** The tests that `npm run campaign:mutants` asks: TESTUDO_MUTANT_TESTS, by commas. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../../../', import.meta.url)),
    pool: 'forks',
    maxWorkers: 1,
    experimental: { viteModuleRunner: false, nodeLoader: false },
    include: (process.env.TESTUDO_MUTANT_TESTS ?? '').split(','),
    runner: './tools/testing/mutation/runner.ts',
    setupFiles: ['equal-bytes', 'file-end'].map((name) => `./tools/testing/${name}.mjs`),
    execArgv: hooks,
    env: { NODE_OPTIONS: hooks.join(' ') },
    reporters: ['dot'],
    testTimeout: 600_000,
    // A mutant may keep what a hook closes from ending.
    hookTimeout: 15_000,
  },
});
