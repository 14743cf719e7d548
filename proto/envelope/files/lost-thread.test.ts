import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { newRoundKeyPair } from '../crypto/keys.ts';
import { codeOf, sampleContext } from '../samples.ts';
import { EnvelopeWorker } from './envelope-worker.ts';

it('a thread that is lost while values go to it is told of once: nothing is left that nobody hears', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'testudo-lost-'));
  const worker = new EnvelopeWorker();
  const unheard: unknown[] = [];
  const note = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', note);
  try {
    for (const length of [100, 1_000_000]) {
      // A path that no system can take is a bug of the caller's, and ends the thread.
      const values = new Float32Array(length);
      const job = { sealedPath: path.join(dir, 'a\0b'), roundPublicKey: newRoundKeyPair().publicKey };
      const sealed = await worker.sealValues({ ...job, values, context: sampleContext(values.byteLength) });
      expect(codeOf(sealed)).toBe('WORKER_UNAVAILABLE');
      await new Promise(setImmediate);
    }
    // Lost while values are waited for.
    const lost = Promise.withResolvers<void>();
    process.once('worker', (thread) => thread.once('exit', () => lost.resolve()));
    async function* slowly() {
      yield new Float32Array(100);
      await lost.promise;
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      yield new Float32Array(100);
    }
    const sealing = worker.sealValues({
      ...{ sealedPath: path.join(dir, 'a\0b'), roundPublicKey: newRoundKeyPair().publicKey },
      ...{ values: slowly(), context: sampleContext(800) },
    });
    expect(codeOf(await sealing)).toBe('WORKER_UNAVAILABLE');
    expect(unheard).toEqual([]);
    expect(readdirSync(dir)).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
    await worker.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
