import { ok } from '../../../base/fault.ts';
import type {
  GetMetadataRequest,
  GetMetadataResponse,
  ListPinsRequest,
  ListPinsResponse,
  PinSet,
  ProposePinsRequest,
  ProposePinsResponse,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import { calls } from '../../access/calls.ts';
import { proposePins } from '../../operations/signed-documents.ts';
import type { Registry } from '../../registry/registry.ts';
import { findSignedSet, type PinsView, pinsInForce, pinsPending } from '../../views/pins.ts';
import type { Door } from '../door.ts';
import { changeMessage } from './messages.ts';

/** Roots in one message, beside the other pieces: the wire's message holds 1.25 MiB. */
const rootBytesMax = 200_000;

/** Pins: signed by operators' own keys, which this coordinator has not; it keeps, counts and serves. */
export function pinHandlers(door: Door<'operator'>, registry: Registry) {
  return {
    getMetadata: door.unary<'viewer', GetMetadataRequest, GetMetadataResponse>(
      calls.operator.getMetadata,
      async ({ rootVersion }) => {
        const found = findSignedSet(registry);
        if (!found.ok) return found;
        const set = found.value;
        const roots: Uint8Array[] = [];
        let bytes = 0;
        for (const { version, body } of set.roots) {
          if (version <= rootVersion) continue;
          bytes += body.byteLength;
          if (roots.length > 0 && bytes > rootBytesMax) break;
          roots.push(body);
        }
        return ok({
          roots: roots.map((body) => Buffer.from(body)),
          timestamp: Buffer.from(set.timestamp.body),
          snapshot: Buffer.from(set.snapshot.body),
          catalogue: Buffer.from(set.catalogue.body),
          pins: Buffer.from(set.pins?.body ?? []),
        });
      },
    ),

    listPins: door.unary<'viewer', ListPinsRequest, ListPinsResponse>(calls.operator.listPins, async () => {
      const set = findSignedSet(registry);
      if (!set.ok) return set;
      const inForce = pinSet(pinsInForce(set.value));
      const pending = await registry.pendingPins();
      return ok({ inForce, pending: pending === null ? undefined : pinSet(pinsPending(pending)) });
    }),

    proposePins: door.unary<'operator', ProposePinsRequest, ProposePinsResponse>(
      calls.operator.proposePins,
      async (request, { actor }) => {
        const proposed = await proposePins(registry, actor, request);
        if (!proposed.ok) return proposed;
        const { pending, signers } = proposed.value;
        return ok({ pending, signers: [...signers], change: changeMessage(proposed.value) });
      },
    ),
  };
}

function pinSet({ document, signers, ...rest }: PinsView): PinSet {
  return { ...rest, document: Buffer.from(document), signers: [...signers] };
}
