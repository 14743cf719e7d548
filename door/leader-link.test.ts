import { expect, it, onTestFinished } from 'vitest';
import { makeLog } from '../base/log.ts';
import { systemTimers } from '../base/system-timers.ts';
import { pemOfChain } from '../coordinator/keys/authority.ts';
import { adminOf, doorOf } from '../coordinator/testing/door.ts';
import { TestFederation } from '../coordinator/testing/federation.ts';
import { halfSent, outcomeOf, rawConnection } from '../coordinator/testing/raw-grpc.ts';
import { Attendance } from './attendance.ts';
import { LeaderLink } from './leader-link.ts';
import { DoorRefusals } from './refusals.ts';

/** A door's link to a real coordinator, not begun yet; `reach` begins it and resolves once that leads. */
async function linkOf(options: Parameters<typeof TestFederation.start>[0] = {}) {
  const federation = await TestFederation.start(options);
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
  const reach = () => {
    link.start();
    return reached.promise;
  };
  return { federation, credentials, link, reach };
}

it('a door at which nobody watches stays with its leader for longer than a first message may take', async () => {
  const { federation, credentials, link, reach } = await linkOf({ settings: ['connections.requestSecondsMax=2'] });
  await reach();
  // Begun after it, and cut for it: whatever is cut for having said nothing is cut by then.
  const session = rawConnection(federation.coordinator.addresses.federation, {
    cert: credentials.certificateChain,
    key: credentials.key,
  });
  const slow = halfSent(session, '/testudo.v1.Doors/Accept', 1_000, 999);
  expect(await outcomeOf(slow)).toMatchObject({ code: 'CALL_TOO_LONG' });
  const refused = (await federation.audit()).flatMap(({ event }) => (event.kind === 'refused' ? [event.cause] : []));
  expect(refused).toHaveLength(1);
  expect(link.away).toBeUndefined();
}, 600_000);

it('refusals that a door cannot tell of, while nobody leads, are one line that counts them when the leader hears of refusals again', async () => {
  const { federation, link, reach } = await linkOf();
  const lines: string[] = [];
  const log = makeLog('info', { to: { write: (line: string) => void lines.push(line) } });
  const refusals = new DoorRefusals({
    ...{ federation: federation.coordinator.engine.federation, leader: link, timers: systemTimers, log },
  });
  const refuse = (code: string) =>
    refusals.refuse({ kind: 'stranger', address: '10.0.0.1:5' }, { what: 'update', code, cause: 'a test' });
  for (let times = 0; times < 3; times++) refuse('LEADER_AWAY');
  refuse('CALL_TOO_LONG');
  await reach();
  refuse('CALL_TOO_LONG');
  await refusals.close();
  await expect.poll(() => lines.length).toBe(2);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { code: 'LEADER_AWAY', msg: expect.stringContaining('are counted') },
    { counts: { LEADER_AWAY: 3, CALL_TOO_LONG: 1 }, msg: 'refusals that nobody was told of' },
  ]);
}, 600_000);
