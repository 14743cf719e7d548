#!/usr/bin/env node
/** Compiles kernels.ts to algebra/kernels/kernels.wasm: `node aggregation/assembly/build.ts`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import asc from 'assemblyscript/asc';

/** The module's bytes, made from the source that lies beside this file. Throws with the compiler's messages. */
export async function compileKernels(): Promise<Uint8Array> {
  const messages = asc.createMemoryStream();
  let binary: Uint8Array | undefined;
  const { error } = await asc.main(
    [
      'kernels.ts',
      ...['--baseDir', fileURLToPath(new URL('.', import.meta.url)), '--outFile', 'kernels.wasm'],
      ...['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--enable', 'relaxed-simd', '--enable', 'threads'],
      // The caller brings the memory, so that other threads can read it too.
      ...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
    ],
    {
      stderr: messages,
      stdout: messages,
      writeFile: (_name: string, contents: Uint8Array | string) => {
        if (typeof contents !== 'string') binary = contents;
      },
    },
  );
  if (error !== null || binary === undefined) throw new Error(`kernels.ts does not compile:\n${messages.toString()}`);
  return binary;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const target = fileURLToPath(new URL('../algebra/kernels/kernels.wasm', import.meta.url));
  writeFileSync(target, await compileKernels());
}
