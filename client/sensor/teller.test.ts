import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { ok } from '../../base/fault.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { DeliverRequest, DeliverResponse } from '../../proto/generated/testudo/v1/sensors.ts';
import { parseTrackId } from '../../proto/ids.ts';
import { Deliveries } from '../hub/delivery.ts';
import { SensorBook } from '../hub/sensor-book.ts';
import type { LocalTrack } from '../learning/local-track.ts';
import { recordKey } from '../storage/sealed-record.ts';
import { Spool } from './spool.ts';
import { Teller } from './teller.ts';

const id = parseTrackId('syscall');
/** What a teller asks a track for. */
const track = {
  id,
  kind: { examples: { encode: (example: string) => Buffer.from(example) } },
} as unknown as LocalTrack;

it('tells a hub of every content, and of all later how often they came, however many there are', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-teller-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const timers = new SimulatedTimers();
  const spool = await Spool.open(folder, recordKey(Buffer.alloc(32, 7), 'spool'), {
    ...{ bytesMax: 1 << 26, now: timers.now },
  });
  const teller = new Teller({ spool, wake: () => undefined, log: pino({ level: 'silent' }), timers });
  onTestFinished(() => teller.close());
  teller.start();
  const learnt = new Map<string, number>();
  const hub = new Deliveries({
    decode: (_, example) => ok(example),
    raise: async () => undefined,
    learn(_, examples) {
      for (const { example, count } of examples) {
        const text = Buffer.from(example as Uint8Array).toString();
        learnt.set(text, (learnt.get(text) ?? 0) + count);
      }
      return ok(undefined);
    },
    flows: () => undefined,
    nodeOf: () => undefined,
    refused: () => undefined,
    wantsExamples: () => true,
    wantsFlows: () => true,
  });
  const sensor = new SensorBook(1).heard('node-a', 0);
  /** Hands on what waits, as a courier does. */
  const deliver = async () => {
    await teller.settled();
    for (let next = spool.next(); next !== undefined; next = spool.next()) {
      const said = DeliverRequest.decode((await spool.read(next)) ?? Buffer.alloc(0));
      const answer = await hub.take(sensor, { ...said, batch: next.name });
      expect(answer).toMatchObject({ ok: true });
      teller.heed(answer.ok ? answer.value : DeliverResponse.fromPartial({}));
      await spool.remove(next);
    }
  };
  const contents = Array.from({ length: 10_000 }, (_, at) => `content ${at}`);
  const note = () => {
    for (const one of contents) teller.note(track, one);
  };
  note();
  for (let second = 0; second < 5; second += 1) {
    await timers.advance(1_000);
    await deliver();
  }
  expect([learnt.size, new Set(learnt.values())]).toEqual([10_000, new Set([1])]);
  for (let minute = 0; minute < 3; minute += 1) {
    note();
    await timers.advance(60_000);
    await deliver();
  }
  expect(new Set(learnt.values())).toEqual(new Set([4]));
});
