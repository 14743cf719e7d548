import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { DeliverRequest, DeliverResponse, SensorStatus } from '../../proto/generated/testudo/v1/sensors.ts';
import { messageBytesMax } from '../../proto/wire-names.ts';
import { recordKey } from '../storage/sealed-record.ts';
import { Courier } from './courier.ts';
import { Spool, type SpoolRecord } from './spool.ts';

let folder: string;
let spool: Spool;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-courier-'));
  spool = await Spool.open(folder, recordKey(Buffer.alloc(32, 7), 'spool'), { bytesMax: 1 << 24, now: Date.now });
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const alertOf = (text: string) =>
  DeliverRequest.encode(
    DeliverRequest.fromPartial({ alerts: [{ track: 'syscall', alert: Buffer.from(text) }] }),
  ).finish();

/** Runs a courier until the spool is empty: what the hub took, which records were refused, and for what it tried again. */
async function told(hub: (request: DeliverRequest) => Result<undefined, string>) {
  const { promise: isEmpty, resolve } = Promise.withResolvers<void>();
  const taken: string[] = [];
  const refused: SpoolRecord[] = [];
  const failed: string[] = [];
  const done = () => {
    if (spool.next() === undefined) resolve();
  };
  const courier = new Courier({
    spool,
    async deliver(request) {
      const answer = hub(request);
      if (!answer.ok) return answer;
      taken.push(...request.alerts.map(({ alert }) => alert.toString().slice(0, 2)));
      return ok(DeliverResponse.fromPartial({}));
    },
    distrusted: () => undefined,
    status: () => SensorStatus.fromPartial({}),
    sketches: () => [],
    onAnswer: done,
    onDelivered: () => undefined,
    onFailed: ({ code }) => failed.push(code),
    onRefused: (_, record) => {
      refused.push(record);
      done();
    },
    retryMsMax: 1,
    timers: systemTimers,
    unit: () => 0.5,
  });
  courier.start();
  await isEmpty;
  await courier.close();
  return { taken, refused, failed };
}

describe('Courier', () => {
  it('keeps a record for which a hub has no memory just now, and tells it again', async () => {
    await spool.put('alert', alertOf('a1'));
    let attempts = 0;
    const { taken, refused, failed } = await told(() => {
      attempts += 1;
      return attempts < 3 ? refuse('GRPC_RESOURCE_EXHAUSTED', 'memory limit exceeded') : ok(undefined);
    });
    expect({ taken, refused, failed }).toEqual({
      taken: ['a1'],
      refused: [],
      failed: ['GRPC_RESOURCE_EXHAUSTED', 'GRPC_RESOURCE_EXHAUSTED'],
    });
  });

  it('gives up a record that is longer than any message, and tells the one behind it', async () => {
    await spool.put('alert', alertOf('x'.repeat(messageBytesMax)));
    await spool.put('alert', alertOf('a2'));
    const { taken, refused } = await told((request) =>
      DeliverRequest.encode(request).finish().length > messageBytesMax
        ? refuse('GRPC_RESOURCE_EXHAUSTED', 'larger than max')
        : ok(undefined),
    );
    expect(taken).toEqual(['a2']);
    expect(refused).toHaveLength(1);
  });

  it('goes on where its disk failed for a while', async () => {
    await spool.put('alert', alertOf('a1'));
    const read = spool.read.bind(spool);
    let failures = 2;
    spool.read = async (record) => {
      if (failures-- > 0) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
      return await read(record);
    };
    const { taken, failed } = await told(() => ok(undefined));
    expect({ taken, failed }).toEqual({ taken: ['a1'], failed: ['SPOOL_UNREADABLE', 'SPOOL_UNREADABLE'] });
  });
});
