import { OperatorService } from '../../../proto/generated/testudo/v1/operator.ts';
import type { Sessions } from '../../access/sessions.ts';
import type { DoorMembers } from '../../members/door-members.ts';
import type { Membership } from '../../members/membership.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import type { Attendances } from '../doors/attendances.ts';
import { tolerant } from '../service.ts';
import { antibodyHandlers } from './antibodies.ts';
import { auditHandlers } from './audit.ts';
import { channelHandlers } from './channels.ts';
import { dashboardLinkHandlers } from './dashboard-links.ts';
import { doorHandlers } from './doors.ts';
import { freezeHandlers } from './freezes.ts';
import { gateHandlers } from './gate.ts';
import { memberHandlers } from './members.ts';
import { operatorHandlers } from './operators.ts';
import { pinHandlers } from './pins.ts';
import { recordHandlers } from './records/record-handlers.ts';
import { releaseFileHandlers } from './release-files.ts';
import { releaseHandlers } from './releases.ts';
import { replayHandlers } from './replays.ts';
import { rootHandlers } from './roots.ts';
import { roundHandlers } from './rounds.ts';
import { sampleHandlers } from './samples.ts';
import { statusHandlers } from './status.ts';
import { trackHandlers } from './tracks.ts';

type OperatorParts = Readonly<{
  door: Door<'operator'>;
  engine: Engine;
  membership: Membership;
  registry: Registry;
  sessions: Sessions;
  doors: DoorMembers;
  attendances: Pick<Attendances, 'of'>;
}>;

/** What people and pipelines call. */
export function operatorService({ door, engine, membership, registry, sessions, ...rest }: OperatorParts) {
  return {
    definition: tolerant(OperatorService),
    implementation: {
      ...memberHandlers(door, engine, membership),
      ...operatorHandlers(door, engine, membership),
      ...doorHandlers(door, { engine, ...rest }),
      ...trackHandlers(door, engine),
      ...sampleHandlers(door, engine),
      ...antibodyHandlers(door, engine),
      ...roundHandlers(door, engine),
      ...recordHandlers(door, engine),
      ...replayHandlers(door, engine),
      ...freezeHandlers(door, engine),
      ...releaseHandlers(door, engine, registry),
      ...releaseFileHandlers(door, registry),
      ...channelHandlers(door, engine, registry),
      ...gateHandlers(door, engine, registry),
      ...pinHandlers(door, registry),
      ...rootHandlers(door, registry),
      ...auditHandlers(door, engine),
      ...statusHandlers(door, engine, registry),
      ...dashboardLinkHandlers(door, sessions),
    },
  };
}
