/** Seals the same values over and over until it is killed: `node sealing-child.ts FOLDER PUBLIC_KEY_HEX`. For a test. */
import path from 'node:path';
import { unwrap } from '../../../base/fault.ts';
import { EnvelopeWorker } from '../files/envelope-worker.ts';
import { sampleContext } from '../samples.ts';

const [, , folder, publicKey] = process.argv as [string, string, string, string];
const values = new Float32Array(1_000_000).fill(0.5);
const worker = new EnvelopeWorker();
for (let turn = 0; ; turn++) {
  unwrap(
    await worker.sealValues({
      values,
      sealedPath: path.join(folder, `sealed-${turn}`),
      context: sampleContext(values.byteLength),
      roundPublicKey: Buffer.from(publicKey, 'hex'),
    }),
  );
  process.stdout.write(`${turn}\n`);
}
