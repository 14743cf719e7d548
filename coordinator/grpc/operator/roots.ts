import { ok } from '../../../base/fault.ts';
import type {
  PrepareKeysRequest,
  PrepareKeysResponse,
  PublishRootRequest,
  PublishRootResponse,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import { calls } from '../../access/calls.ts';
import { publishRoot } from '../../operations/signed-documents.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Door } from '../door.ts';
import { changeMessage } from './messages.ts';

/** Roots: whose keys count. They are made and signed offline; here they are checked and published. */
export function rootHandlers(door: Door<'operator'>, registry: Registry) {
  return {
    prepareKeys: door.unary<'admin', PrepareKeysRequest, PrepareKeysResponse>(calls.operator.prepareKeys, async () => {
      const prepared = await registry.prepareKeys();
      if (!prepared.ok) return prepared;
      const { release, snapshot, timestamp } = prepared.value;
      return ok({ release: Buffer.from(release), snapshot: Buffer.from(snapshot), timestamp: Buffer.from(timestamp) });
    }),

    publishRoot: door.unary<'admin', PublishRootRequest, PublishRootResponse>(
      calls.operator.publishRoot,
      async (request, { actor }) => {
        const published = await publishRoot(registry, actor, request);
        if (!published.ok) return published;
        return ok({ version: published.value.version, change: changeMessage(published.value) });
      },
    ),
  };
}
