import { expect, it, onTestFinished } from 'vitest';
import { makeLog } from '../base/log.ts';
import { systemTimers } from '../base/system-timers.ts';
import { pemOfChain } from '../coordinator/keys/authority.ts';
import { adminOf, doorOf } from '../coordinator/testing/door.ts';
import { TestFederation } from '../coordinator/testing/federation.ts';
import { halfSent, outcomeOf, rawConnection } from '../coordinator/testing/raw-grpc.ts';
import { Attendance } from './attendance.ts';
import { LeaderLink } from './leader-link.ts';

it('a door at which nobody watches stays with its leader for longer than a first message may take', async () => {
  const federation = await TestFederation.start({ settings: ['connections.requestSecondsMax=2'] });
  const { added, key } = await doorOf(federation, await adminOf(federation), 'edge');
  const { addresses } = federation.coordinator;
  const credentials = {
    ...{ federation: federation.coordinator.engine.federation, name: 'edge', authority: federation.authority },
    ...{ addresses: [addresses.federation], enrolAddresses: [addresses.enrolment] },
    ...{ certificateChain: pemOfChain(added.certificateChain), serverChain: pemOfChain(added.serverChain), key },
  };
  const reached = Promise.withResolvers<void>();
  class Told extends Attendance {
    override lineTo(...[line]: Parameters<Attendance['lineTo']>): void {
      super.lineTo(line);
      if (line !== undefined) reached.resolve();
    }
  }
  const link = new LeaderLink({
    ...{ credentials: () => credentials, attendance: new Told(), timers: systemTimers, log: makeLog('silent') },
  });
  onTestFinished(() => link.close());
  link.start();
  await reached.promise;
  // Begun after it, and cut for it: whatever is cut for having said nothing is cut by then.
  const session = rawConnection(addresses.federation, { cert: credentials.certificateChain, key });
  const slow = halfSent(session, '/testudo.v1.Doors/Accept', 1_000, 999);
  expect(await outcomeOf(slow)).toMatchObject({ code: 'CALL_TOO_LONG' });
  const refused = (await federation.audit()).flatMap(({ event }) => (event.kind === 'refused' ? [event.cause] : []));
  expect(refused).toHaveLength(1);
  expect(link.away).toBeUndefined();
}, 600_000);
