import { ok, type Result, unwrap } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { ReleaseRoot } from '../../../proto/release/documents/root.ts';
import { openRoot } from '../../../proto/release/open.ts';
import type { BlobFaultCode } from '../../blobs/blob-store.ts';
import type { MetadataRef } from '../../ledger/state/releasing.ts';
import type { Store } from '../../ledger/store.ts';

/** A signed document and what its content says of itself. */
export type Document = Readonly<{ version: number; expiresAtMs: EpochMs; body: Uint8Array }>;

/** Where a signed document lies, once it is stored. */
export async function keepDocument(
  { blobs }: Pick<Store, 'blobs'>,
  { version, expiresAtMs, body }: Document,
): Promise<Result<MetadataRef, BlobFaultCode>> {
  const stored = await blobs.put(body);
  if (!stored.ok) return stored;
  return ok({ version, expiresAtMs, digest: digestOf(body), bytes: body.byteLength });
}

/** A signed document's bytes; undefined where there is none, or its blob is gone. */
export async function readDocument(
  { blobs }: Pick<Store, 'blobs'>,
  ref: MetadataRef | null | undefined,
): Promise<Uint8Array | undefined> {
  const bytes = ref && (await blobs.get(ref.digest));
  return bytes?.ok ? bytes.value : undefined;
}

/** The root that was journalled last, opened; undefined before the first. */
export async function currentRoot(
  store: Pick<Store, 'blobs' | 'state'>,
): Promise<Result<ReleaseRoot | undefined, BlobFaultCode>> {
  const ref = store.state().metadata.roots.at(-1);
  if (ref === undefined) return ok(undefined);
  const bytes = await store.blobs.get(ref.digest);
  return bytes.ok ? ok(unwrap(openRoot(bytes.value))) : bytes;
}
