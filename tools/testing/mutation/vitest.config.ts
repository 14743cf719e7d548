import { defineConfig } from 'vitest/config';

/** Tests of one folder for Stryker, which instruments what Vite's own runner loads. MUTATION_TESTS: globs of them, by commas. */
export default defineConfig({
  test: {
    pool: 'threads',
    include: (process.env.MUTATION_TESTS ?? '').split(','),
    setupFiles: ['./tools/testing/equal-bytes.mjs'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
