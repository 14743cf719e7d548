import { ok, type Refused, refuse } from '../../../base/fault.ts';
import type {
  PrepareKeysRequest,
  PrepareKeysResponse,
  PublishRootRequest,
  PublishRootResponse,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import { openRoot } from '../../../proto/release/open.ts';
import { calls } from '../../access/calls.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Door } from '../door.ts';
import { changeMessage } from './changes.ts';
import { checkReason, invalid } from './requests.ts';

const documentBytesMax = 262_144;

/** Roots: whose keys count. They are made and signed offline; here they are checked and published. */
export function rootHandlers(door: Door, registry: Registry) {
  return {
    prepareKeys: door.unary<'admin', PrepareKeysRequest, PrepareKeysResponse>(calls.operator.prepareKeys, async () => {
      const prepared = await registry.prepareKeys();
      if (!prepared.ok) return prepared;
      const { release, snapshot, timestamp } = prepared.value;
      return ok({ release: Buffer.from(release), snapshot: Buffer.from(snapshot), timestamp: Buffer.from(timestamp) });
    }),

    publishRoot: door.unary<'admin', PublishRootRequest, PublishRootResponse>(
      calls.operator.publishRoot,
      async ({ document, pins, reason, dryRun }, { actor }) => {
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        if (Math.max(document.byteLength, pins.byteLength) > documentBytesMax) {
          return invalid(`document, pins: at most ${documentBytesMax} bytes each`);
        }
        const root = openRoot(document);
        if (!root.ok) return refuse('ROOT_INVALID', root.fault.message);
        const named = { root: document, ...(pins.byteLength > 0 && { pins }), reason, dryRun };
        const published = await registry.publishRoot(actor, named);
        if (!published.ok) return published;
        return ok({ version: root.value.version, change: changeMessage(published.value) });
      },
    ),
  };
}

/** What is asked of a coordinator that has signed nothing yet, and why not if it knows. */
export function unready(registry: Pick<Registry, 'trouble'>): Refused<'METADATA_UNREADY'> {
  const trouble = registry.trouble();
  const why = trouble === undefined ? 'it is about to' : `${trouble.code}: ${trouble.message}`;
  return refuse('METADATA_UNREADY', `no metadata is signed yet (${why}); try again in a moment`);
}
