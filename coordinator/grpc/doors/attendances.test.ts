import { PassThrough } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { makeLog } from '../../../base/log.ts';
import { RateLimiter } from '../../../base/serving/rate-limit.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { newSigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { AttendRequest } from '../../../proto/generated/testudo/v1/doors.ts';
import { AccessControl } from '../../access/access-control.ts';
import { OpenCalls } from '../../access/open-calls.ts';
import { TestFederation } from '../../testing/federation.ts';
import { MessageReader } from '../message-reader.ts';
import { Attendances } from './attendances.ts';

it('reads no more of a door that names watches without end and takes none of the answers', async () => {
  const { engine } = (await TestFederation.start()).coordinator;
  const limiter = new RateLimiter({ burst: 1, refillMs: 1, keysMax: 1 });
  const log = makeLog('silent');
  const access = new AccessControl({ engine, openCalls: new OpenCalls(), limiter, log, timers: systemTimers });
  // Nobody is let in: no watch begins.
  const parts = { access, watchers: undefined as never, receiptKey: newSigningKeyPair(), timers: systemTimers };
  const attendances = new Attendances(parts);
  const changes = new PassThrough({ objectMode: true, highWaterMark: 2_000 });
  const watches = Array.from({ length: 1_000 }, (_, at) => BigInt(at + 1));
  for (const watch of watches) {
    const arrival = { watch, peer: undefined, request: undefined };
    changes.write({ change: { $case: 'arrival', value: arrival } } satisfies AttendRequest);
  }
  changes.end();
  const ended: bigint[] = [];
  const untaken: (() => void)[] = [];
  let takes = false;
  const hangUp = new AbortController();
  const reader = new MessageReader<AttendRequest>(changes, hangUp.signal, systemTimers);
  const send = async ({ watch, said }: { watch: bigint; said?: { $case: string } | undefined }) => {
    if (said?.$case === 'ended') ended.push(watch);
    if (!takes) await new Promise<void>((resolve) => untaken.push(resolve));
    return true;
  };
  const attended = attendances.attend('edge', reader, send, hangUp.signal);
  for (let turn = 0; turn < 2_000; turn++) await nextTurn();
  expect(ended.length).toBeGreaterThan(200);
  expect(ended.length).toBeLessThan(300);
  takes = true;
  for (const resolve of untaken) resolve();
  expect(await attended).toMatchObject({ ok: true });
  expect(ended).toHaveLength(watches.length);
});
