import { ok, unwrap } from '../../../base/fault.ts';
import type {
  GetMetadataRequest,
  GetMetadataResponse,
  ListPinsRequest,
  ListPinsResponse,
  PinSet,
  ProposePinsRequest,
  ProposePinsResponse,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import { signedness } from '../../../proto/release/co-sign.ts';
import { openRoot } from '../../../proto/release/open.ts';
import { calls } from '../../access/calls.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Door } from '../door.ts';
import { changeMessage } from './changes.ts';
import { checkReason, invalid } from './requests.ts';
import { unready } from './roots.ts';

const documentBytesMax = 262_144;
/** Roots in one message, beside the other pieces: the wire's message holds 1.25 MiB. */
const rootBytesMax = 200_000;

/** Pins: signed by operators' own keys, which this coordinator has not; it keeps, counts and serves. */
export function pinHandlers(door: Door, registry: Registry) {
  return {
    getMetadata: door.unary<'viewer', GetMetadataRequest, GetMetadataResponse>(
      calls.operator.getMetadata,
      async ({ rootVersion }) => {
        const set = registry.signedSet();
        if (set === undefined) return unready(registry);
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
      const set = registry.signedSet();
      if (set === undefined) return unready(registry);
      const newest = set.roots.at(-1);
      if (newest === undefined) throw new Error('a signed set without a root');
      const root = unwrap(openRoot(newest.body));
      const { threshold } = root.roles.pins;
      const signers = set.pins === null ? [] : unwrap(signedness(root, 'pins', set.pins.body)).by;
      const inForce: PinSet = {
        document: Buffer.from(set.pins?.body ?? []),
        version: set.pins?.version ?? 0,
        signers: [...signers],
        threshold,
      };
      const pending = await registry.pendingPins();
      return ok({
        inForce,
        pending:
          pending === null
            ? undefined
            : {
                document: Buffer.from(pending.bytes),
                version: pending.pins.version,
                signers: [...pending.signers],
                threshold: pending.threshold,
              },
      });
    }),

    proposePins: door.unary<'operator', ProposePinsRequest, ProposePinsResponse>(
      calls.operator.proposePins,
      async ({ document, reason, dryRun }, { actor }) => {
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        if (document.byteLength > documentBytesMax) return invalid(`document: at most ${documentBytesMax} bytes`);
        const proposed = await registry.proposePins(actor, { pins: document, reason, dryRun });
        if (!proposed.ok) return proposed;
        const { pending, signers } = proposed.value;
        return ok({ pending, signers: [...signers], change: changeMessage(proposed.value) });
      },
    ),
  };
}
