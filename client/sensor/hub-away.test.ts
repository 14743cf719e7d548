import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ok, refuse } from '../../base/fault.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { type DeliverRequest, DeliverResponse, SensorStatus } from '../../proto/generated/testudo/v1/sensors.ts';
import { parseTrackId } from '../../proto/ids.ts';
import type { LocalTrack } from '../learning/local-track.ts';
import type { Alert } from '../scoring/alert.ts';
import { recordKey } from '../storage/sealed-record.ts';
import { decodeExample } from '../tracks/syscall/traces/example.ts';
import { trackKind } from '../tracks/syscall/track.ts';
import { Courier } from './courier.ts';
import { Spool } from './spool.ts';
import { Teller } from './teller.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-away-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const track = { id: parseTrackId('syscall'), kind: trackKind } as unknown as LocalTrack;
/** No two of them alike; about a kilobyte. */
const exampleOf = (at: number) => ({
  workload: 'nginx',
  calls: Uint16Array.from({ length: 500 }, (_, place) => (place === 0 ? 2 + at : 2 + (place % 300))),
});
const alertOf = (at: number): Alert => ({
  id: `a-${String(at).padStart(16, '0')}`,
  at: '2027-01-01T00:00:00.000Z',
  track: 'syscall',
  modelVersion: 1,
  score: 3,
  threshold: 1,
  subject: { namespace: 'shop', workload: 'web', workloadClass: 'nginx', pod: 'web-0' },
  text: 'x'.repeat(500),
  labels: [],
  detail: {},
});

/** A sensor's tellers before a hub that is there or not. */
async function sensorOn(timers: SimulatedTimers, bytesMax: number) {
  const taken: DeliverRequest[] = [];
  const hub = { isThere: false, attempts: 0 };
  const spool = await Spool.open(folder, recordKey(Buffer.alloc(32, 7), 'spool'), { bytesMax, now: timers.now });
  const courier = new Courier({
    spool,
    async deliver(request) {
      hub.attempts += 1;
      if (!hub.isThere) return refuse('GRPC_UNAVAILABLE', 'nobody is there');
      taken.push(request);
      return ok(DeliverResponse.fromPartial({ wantsExamples: true }));
    },
    distrusted: () => undefined,
    status: () => SensorStatus.fromPartial({}),
    sketches: () => [],
    onAnswer: () => undefined,
    onDelivered: () => undefined,
    onFailed: () => undefined,
    onRefused: () => undefined,
    retryMsMax: 30_000,
    timers,
    unit: () => 0.5,
  });
  const teller = new Teller({ spool, wake: () => courier.wake(), log: pino({ level: 'silent' }), timers });
  teller.start();
  courier.start();
  return { taken, hub, spool, courier, teller };
}

it('an hour without a hub costs no alert: ordinary records give way, oldest first, and are counted', async () => {
  const timers = new SimulatedTimers();
  const { taken, hub, spool, courier, teller } = await sensorOn(timers, 200 << 10);
  const [examples, alerts] = [360, 60];
  for (let at = 0; at < examples; at++) {
    teller.note(track, exampleOf(at));
    // One alert a minute.
    if (at % 6 === 0) await teller.raise(track, alertOf(at / 6), exampleOf(at));
    await timers.advance(10_000);
    await spool.settled();
  }
  const { ordinaryDropped, alertsDropped, bytes } = spool.counts();
  expect(alertsDropped).toBe(0);
  expect(ordinaryDropped).toBeGreaterThan(100);
  expect(ordinaryDropped).toBeLessThan(examples);
  expect(bytes).toBeLessThanOrEqual(200 << 10);
  // With full jitter of half a minute at most, an hour is some two hundred attempts, whatever there is to tell.
  expect(hub.attempts).toBeGreaterThan(100);
  expect(hub.attempts).toBeLessThan(400);

  hub.isThere = true;
  while (spool.next() !== undefined) await timers.advance(100);
  await courier.close();
  await teller.close();
  const told = taken.filter(({ alerts: one, examples: other }) => one.length + other.length > 0);
  const alertIds = told.flatMap(({ alerts: some }) => some.map(({ alert }) => JSON.parse(String(alert)).id));
  expect(alertIds).toEqual(Array.from({ length: alerts }, (_, at) => alertOf(at).id));
  // Alerts go first; of the rest, exactly those that were not given up, which are the newest.
  expect(told.slice(0, alerts).every(({ alerts: some }) => some.length === 1)).toBe(true);
  const first = told.flatMap(({ examples: some }) =>
    some.map(({ example }) => {
      const decoded = decodeExample(example);
      return decoded.ok ? decoded.value.calls[0] : undefined;
    }),
  );
  const kept = examples - ordinaryDropped;
  expect(first).toEqual(Array.from({ length: kept }, (_, at) => exampleOf(ordinaryDropped + at).calls[0]));
});
