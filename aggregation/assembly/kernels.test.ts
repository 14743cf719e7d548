import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compileKernels } from './build.ts';

test('kernels.wasm › is what its source compiles to: run `node aggregation/assembly/build.ts` after a change', async () => {
  const committed = readFileSync(new URL('../algebra/kernels/kernels.wasm', import.meta.url));
  expect(Buffer.compare(committed, await compileKernels())).toBe(0);
});
