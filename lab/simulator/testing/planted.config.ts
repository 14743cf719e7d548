import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const imports = ['../../../tools/testing/stripped.mjs', './planted.mjs'];

/** A test with a mutation planted in what it tests: TESTUDO_PLANTED, in the file TESTUDO_PLANTED_TEST. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../../../', import.meta.url)),
    pool: 'forks',
    experimental: { viteModuleRunner: false, nodeLoader: false },
    include: [process.env.TESTUDO_PLANTED_TEST ?? ''],
    setupFiles: ['equal-bytes', 'file-end'].map((name) => `./tools/testing/${name}.mjs`),
    execArgv: imports.flatMap((name) => ['--import', new URL(name, import.meta.url).href]),
    testTimeout: 600_000,
  },
});
