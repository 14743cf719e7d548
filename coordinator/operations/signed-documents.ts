import { ok, refuse } from '../../base/fault.ts';
import { openRoot } from '../../proto/release/open.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { Changed } from '../registry/decide/change.ts';
import type { RegistryFaultCode } from '../registry/decide/faults.ts';
import type { Registry } from '../registry/registry.ts';
import { invalid } from '../views/request.ts';
import { type Answer, checkReason } from './check.ts';

const documentBytesMax = 262_144;

type Why = Readonly<{ reason: string; dryRun: boolean }>;

/** Pins that an operator's own key signed: kept as pending until enough have. */
export async function proposePins(
  registry: Pick<Registry, 'proposePins'>,
  actor: Actor,
  { document, reason, dryRun }: Why & Readonly<{ document: Uint8Array }>,
): Answer<Changed & Readonly<{ pending: boolean; signers: readonly string[] }>, RegistryFaultCode> {
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  if (document.byteLength > documentBytesMax) return invalid(`document: at most ${documentBytesMax} bytes`);
  return registry.proposePins(actor, { pins: document, reason, dryRun });
}

/** The next root, made and signed offline; with pins (else empty) where the old ones no longer verify. */
export async function publishRoot(
  registry: Pick<Registry, 'publishRoot'>,
  actor: Actor,
  { document, pins, reason, dryRun }: Why & Readonly<{ document: Uint8Array; pins: Uint8Array }>,
): Answer<Changed & Readonly<{ version: number }>, RegistryFaultCode> {
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  if (Math.max(document.byteLength, pins.byteLength) > documentBytesMax) {
    return invalid(`document, pins: at most ${documentBytesMax} bytes each`);
  }
  const root = openRoot(document);
  if (!root.ok) return refuse('ROOT_INVALID', root.fault.message);
  const named = { root: document, ...(pins.byteLength > 0 && { pins }), reason, dryRun };
  const published = await registry.publishRoot(actor, named);
  return published.ok ? ok({ ...published.value, version: root.value.version }) : published;
}
