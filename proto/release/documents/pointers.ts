import { hash } from 'node:crypto';
import { ok, type Refused, type Result, refuse } from '../../../base/fault.ts';
import { decodeDocument, headOf } from './document.ts';
import { snapshotShape, timestampShape } from './shapes.ts';

/** What timestamp and snapshot say of the piece below them. Read off its very bytes, signatures included. */
export type Pointer = Readonly<{ version: number; bytes: number; sha256: string }>;

type Metafile = { version: number; length: number; hashes: { sha256: string } };

export function decodeTimestamp(bytes: Uint8Array) {
  const decoded = decodeDocument('timestamp', timestampShape, bytes);
  if (!decoded.ok) return decoded;
  const { content, signed } = decoded.value;
  return ok({ head: headOf(content), signed, snapshot: pointerOf(content.meta['snapshot.json']) });
}

export function decodeSnapshot(bytes: Uint8Array) {
  const decoded = decodeDocument('snapshot', snapshotShape, bytes);
  if (!decoded.ok) return decoded;
  const { content, signed } = decoded.value;
  const pins = content.meta['pins.json'];
  return ok({
    head: headOf(content),
    signed,
    catalogue: pointerOf(content.meta['targets.json']),
    pins: pins === undefined ? null : pointerOf(pins),
  });
}

/** Whether these are the very bytes pointed at: asked before anything in them is read. */
export function checkPointedAt(
  role: string,
  pointer: Pointer,
  bytes: Uint8Array,
  by: string,
): Result<void, 'METADATA_MISMATCHED'> {
  const mismatch = (what: string): Refused<'METADATA_MISMATCHED'> =>
    refuse('METADATA_MISMATCHED', `${role}: not the ${what} that the ${by} names; the set is from two eras`, { role });
  if (bytes.byteLength !== pointer.bytes) return mismatch('length');
  return sha256(bytes) === pointer.sha256 ? ok(undefined) : mismatch('digest');
}

export function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

function pointerOf({ version, length, hashes }: Metafile): Pointer {
  return { version, bytes: length, sha256: hashes.sha256 };
}
