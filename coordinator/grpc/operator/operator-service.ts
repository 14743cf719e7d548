import { refuse } from '../../../proto/fault.ts';
import { OperatorService } from '../../../proto/generated/testudo/v1/operator.ts';
import { ReleasesService } from '../../../proto/generated/testudo/v1/releases.ts';
import type { Engine } from '../../engine.ts';
import type { Membership } from '../../identity/membership.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Access, Door } from '../door.ts';
import { tolerant } from '../service.ts';
import { auditHandlers } from './audit.ts';
import { freezeHandlers } from './freezes.ts';
import { memberHandlers } from './members.ts';
import { operatorHandlers } from './operators.ts';
import { releaseHandlers } from './releases.ts';
import { roundHandlers } from './rounds.ts';
import { trackHandlers } from './tracks.ts';

type OperatorParts = Readonly<{ door: Door; engine: Engine; membership: Membership; registry?: Registry }>;

const nobody = { agents: () => [], resolved: () => [] };

/** What people and pipelines call. Channels and pins belong to the release registry, which this version has not. */
export function operatorService({ door, engine, membership, registry }: OperatorParts) {
  return {
    definition: tolerant(OperatorService),
    implementation: {
      ...memberHandlers(door, engine, membership),
      ...operatorHandlers(door, engine, membership),
      ...trackHandlers(door, engine),
      ...roundHandlers(door, engine),
      ...auditHandlers(door, engine),
      ...freezeHandlers(door, engine),
      ...releaseHandlers(door, engine, registry ?? nobody),
      listChannels: notServed(door, 'viewer'),
      getGate: notServed(door, 'viewer'),
      getMetadata: notServed(door, 'viewer'),
      listPins: notServed(door, 'viewer'),
      replayRound: notServed(door, 'operator'),
      revokeRelease: notServed(door, 'operator'),
      assignChannel: notServed(door, 'operator'),
      unassignChannel: notServed(door, 'operator'),
      setChannel: notServed(door, 'operator'),
      removeChannel: notServed(door, 'operator'),
      promote: notServed(door, 'operator'),
      rollBack: notServed(door, 'operator'),
      overrideGate: notServed(door, 'operator'),
      proposePins: notServed(door, 'operator'),
      prepareKeys: notServed(door, 'admin'),
      publishRoot: notServed(door, 'admin'),
      exportRelease: door.serverStream<'operator', unknown, never>(
        { access: 'operator', durationMsMax: 30_000, audit: 'operation' },
        async () => refuse('NOT_SERVED', 'soon'),
      ),
      importRelease: door.clientStream<'admin', unknown, never>(
        { access: 'admin', durationMsMax: 30_000, audit: 'operation' },
        async () => refuse('NOT_SERVED', 'soon'),
      ),
    },
  };
}

/** What rotation agents will call. */
export function releasesService({ door }: Pick<OperatorParts, 'door'>) {
  return {
    definition: tolerant(ReleasesService),
    implementation: {
      subscribe: door.serverStream<'cluster', unknown, never>(
        { access: 'cluster', durationMsMax: 30_000, audit: 'operation' },
        async () => refuse('NOT_SERVED', 'this version serves no release metadata'),
      ),
      acknowledge: notServed(door, 'cluster'),
    },
  };
}

/** Says so with UNIMPLEMENTED and a code, rather than pretending. */
function notServed(door: Door, access: Access) {
  return door.unary<Access, unknown, never>({ access, durationMsMax: 30_000, audit: 'operation' }, async () =>
    refuse('NOT_SERVED', 'this version has no release registry: no channels and no pins'),
  );
}
