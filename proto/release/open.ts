import { ok, type Result } from '../../base/fault.ts';
import type { FederationId } from '../ids.ts';
import type { Catalogue, Pins } from './documents/catalogue.ts';
import { decodeCatalogue } from './documents/catalogue-document.ts';
import { foreign, type Head } from './documents/document.ts';
import { decodePins } from './documents/pins-document.ts';
import { decodeRoot, type ReleaseRoot } from './documents/root.ts';
import type { ReleaseFaultCode } from './faults.ts';

/** Opened without regard to who signed: for those who show, change and sign. */
export function openRoot(bytes: Uint8Array): Result<ReleaseRoot, ReleaseFaultCode> {
  const decoded = decodeRoot(bytes);
  return decoded.ok ? ok(decoded.value.root) : decoded;
}

export function openCatalogue(bytes: Uint8Array, federation: FederationId): Result<Catalogue, ReleaseFaultCode> {
  const decoded = decodeCatalogue(bytes);
  return decoded.ok ? ours('targets', decoded.value.head, federation, decoded.value.catalogue) : decoded;
}

export function openPins(bytes: Uint8Array, federation: FederationId): Result<Pins, ReleaseFaultCode> {
  const decoded = decodePins(bytes);
  return decoded.ok ? ours('pins', decoded.value.head, federation, decoded.value.pins) : decoded;
}

function ours<Value>(role: string, head: Head, federation: FederationId, value: Value) {
  return head.federation === federation ? ok(value) : foreign(role, head.federation);
}
