import { canonicalBytes, type JsonValue } from '../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { roundKeyPairOf, wipeKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { wipe } from '../../proto/envelope/crypto/wipe.ts';
import { sealedPayloadKey } from '../../proto/envelope/files/sealed-reader.ts';
import type { Digest } from '../../proto/ids.ts';
import { layoutOf } from '../../proto/layout.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { causeOf } from './blame.ts';
import type { AggregationJob, RunFaultCode } from './job.ts';
import { contextOf, type OpeningOf } from './opening/open-updates.ts';

/** How one counted update opens: with its own key, base64; or the fault with which it did not. */
type InputKey = Readonly<{ payload: Digest } & ({ key: string } | { code: string; message: string })>;

/**
 * What is kept of a round so that it can be computed again after its key is destroyed: the key of each update that it
 * counted, and nothing that opens any other. A secret: it rests encrypted in the vault.
 */
type InputKeys = Readonly<{ format: 'testudo/input-keys/1'; job: string; updates: readonly InputKey[] }>;

/** The secret to keep, as bytes. Blocks: for worker threads. `secretKey` is wiped at the end. */
export async function inputKeysOf(
  job: AggregationJob,
  secretKey: Uint8Array,
  blobs: BlobStore,
): Promise<Result<Uint8Array, RunFaultCode>> {
  const pair = roundKeyPairOf(secretKey);
  try {
    const payloads = job.updates.map(({ payloadDigest }) => payloadDigest);
    return await blobs.withLocalFiles(payloads, async (pathOf) => {
      const plainBytes = layoutOf(job.spec).length * 4;
      const updates: InputKey[] = [];
      for (const update of job.updates) {
        const payload = update.payloadDigest;
        const key = sealedPayloadKey(pathOf(payload), contextOf(job, update, plainBytes), pair);
        if (key.ok) {
          updates.push({ payload, key: key.value.toString('base64') });
          wipe(key.value);
          continue;
        }
        const { code, message } = key.fault;
        const stored = await blobs.verify(payload);
        if (!stored.ok) return refuse('BLOB_UNREADABLE', stored.fault.message);
        if (causeOf[code] !== 'sender') return refuse('BLOB_UNREADABLE', message);
        updates.push({ payload, code, message }); // The rule was told the same; so will a replay be.
      }
      const keys: InputKeys = { format: 'testudo/input-keys/1', job: job.id, updates };
      return ok(canonicalBytes(keys as unknown as JsonValue));
    });
  } finally {
    wipeKeyPair(pair);
    secretKey.fill(0);
  }
}

/** How a job's updates open with what was kept; `count` is how many of them do. Throws when it is another job's. */
export function openingsOf(job: AggregationJob, kept: Uint8Array): Readonly<{ openingOf: OpeningOf; count: number }> {
  const { format, job: id, updates } = JSON.parse(Buffer.from(kept).toString('utf8')) as InputKeys;
  if (format !== 'testudo/input-keys/1' || id !== job.id) throw new Error(`input keys of ${id}, not of ${job.id}`);
  const byPayload = new Map(updates.map((update) => [update.payload, update]));
  return {
    count: updates.filter((update) => 'key' in update).length,
    openingOf({ payloadDigest }) {
      const update = byPayload.get(payloadDigest);
      if (update === undefined) throw new Error(`input keys of ${id}: there is none for ${payloadDigest}`);
      if (!('key' in update)) return refuse(update.code, update.message);
      return ok({ payloadKey: Buffer.from(update.key, 'base64') });
    },
  };
}
