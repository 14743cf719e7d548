import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { ok, refuse } from '../../../base/fault.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import type { CallFaultCode } from '../../../proto/call.ts';
import type { TellStandingRequest } from '../../../proto/generated/testudo/v1/responses.ts';
import type { ResponseCalls } from '../../link/response-calls.ts';
import { countsOf, standingMessage } from './standing.ts';
import { StandingTeller } from './standing-teller.ts';

function message(spent: number): TellStandingRequest {
  const counts = countsOf({ isBlind: false, suspects: [], quarantined: [] }, () => undefined, false);
  const policy = refuse('RESPONSE_POLICY_ABSENT', 'none');
  const quarantine = standingMessage({ counts, spent, cap: 'ask', policy, proposals: undefined });
  return { atMs: 1n, quarantine, rotation: undefined };
}

function tellerOn(timers: SimulatedTimers) {
  const heard: { atMs: number; spent: number | undefined }[] = [];
  const say = { spent: 0, leads: true, refusal: undefined as CallFaultCode | undefined };
  const connection = (): ResponseCalls => ({
    journalEvidence: async () => refuse('GRPC_UNAVAILABLE', 'not asked here'),
    reportBreaker: async () => refuse('GRPC_UNAVAILABLE', 'not asked here'),
    async tellStanding({ quarantine }) {
      heard.push({ atMs: timers.monotonicMs(), spent: quarantine?.spentCount });
      return say.refusal === undefined ? ok({}) : refuse(say.refusal, 'refused');
    },
  });
  const through = { calls: connection() as ResponseCalls | undefined };
  const teller = new StandingTeller({
    ...{ timers, log: pino({ level: 'silent' }), calls: () => through.calls },
    // The cluster's clock moves on with each look: that alone is no news.
    standing: () => (say.leads ? { ...message(say.spent), atMs: BigInt(timers.now()) } : undefined),
  });
  onTestFinished(() => teller.close());
  return { heard, say, through, connection, teller };
}

it('tells a change within seconds, and the same again only after minutes', async () => {
  const timers = new SimulatedTimers();
  const { heard, say, teller } = tellerOn(timers);
  for (let second = 0; second < 60; second++) {
    teller.wake(); // Something is always going on in a cluster.
    if (second === 3) say.spent = 1;
    if (second === 4) say.spent = 2;
    await timers.advance(1_000);
  }
  expect(heard).toEqual([
    { atMs: 0, spent: 0 },
    { atMs: 10_000, spent: 2 },
  ]);
  await timers.advance(600_000);
  expect(heard.slice(2).map(({ atMs }) => atMs)).toEqual([310_000, 610_000]);
});

it('says nothing while another agent leads or the hub is away, and everything to a hub that is there again', async () => {
  const timers = new SimulatedTimers();
  const { heard, say, through, connection, teller } = tellerOn(timers);
  say.leads = false;
  teller.wake();
  await timers.advance(60_000);
  expect(heard).toEqual([]);
  say.leads = true;
  teller.wake();
  await timers.advance(1_000);
  through.calls = undefined;
  teller.wake();
  await timers.advance(600_000);
  expect(heard).toHaveLength(1);
  through.calls = connection();
  teller.wake();
  await timers.advance(1_000);
  expect(heard).toHaveLength(2);
});

it('tries again what failed, and asks an older coordinator once for each connection', async () => {
  const timers = new SimulatedTimers();
  const { heard, say, through, connection, teller } = tellerOn(timers);
  say.refusal = 'GRPC_UNAVAILABLE';
  teller.wake();
  await timers.advance(25_000);
  expect(heard.map(({ atMs }) => atMs)).toEqual([0, 10_000, 20_000]);
  say.refusal = 'GRPC_UNIMPLEMENTED';
  await timers.advance(3_600_000);
  expect(heard).toHaveLength(4);
  [through.calls, say.refusal] = [connection(), undefined];
  teller.wake();
  await timers.advance(1_000);
  expect(heard).toHaveLength(5);
});
