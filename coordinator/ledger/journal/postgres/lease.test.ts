import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { ok } from '../../../../base/fault.ts';
import { systemTimers } from '../../../../base/system-timers.ts';
import type { Timers } from '../../../../base/time.ts';
import type { Driver } from '../../../postgres/driver.ts';
import { PostgresLink } from '../../../postgres/link.ts';
import { noHead } from '../walk.ts';
import { followUntilFree } from './lease.ts';
import { lookEveryMs } from './silence.ts';

it('a standby that is told to stop while its database is away does not wait for it', async () => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  await new Promise((closed) => gone.close(closed));
  const settings = {
    ...{ hosts: [{ host: '127.0.0.1', port }], database: 'testudo', user: 'testudo', password: '', schema: 'testudo' },
    ...{ isReplicated: false, outageMs: 3_600_000, leaseMs: 4_000 },
  };
  const stopping = new AbortController();
  const following = followUntilFree(new PostgresLink(settings, systemTimers), stopping.signal, {
    tell: () => {},
    take: () => ok(undefined),
  });
  stopping.abort();
  expect(await following).toMatchObject({ fault: { code: 'STANDBY_STOPPED' } });
});

it.each([
  { lateMs: 0, answerMs: 0, looks: 17, of: 'a standby that is in time' },
  { lateMs: 1_750, answerMs: 0, looks: 3, of: 'one that comes late to ask, on a machine with much to do' },
  { lateMs: 60_000, answerMs: 0, looks: 3, of: 'one whose machine stood still, not at its first look' },
  { lateMs: 0, answerMs: 7_000, looks: 7, of: 'one whose database was slow, as for the writer' },
])('a writer is gone after a lease of silence, at look $looks of $of', async ({ lateMs, answerMs, looks }) => {
  let nowMs = 0;
  let asked = 0;
  const timers: Timers = {
    ...systemTimers,
    monotonicMs: () => nowMs,
    after(delayMs, act) {
      if (delayMs === lookEveryMs) {
        nowMs += lookEveryMs + lateMs;
        setImmediate(act);
      }
      return systemTimers.after(0, () => {});
    },
  };
  const { seq: head_seq, chain: head_chain } = noHead;
  const fence = { epoch: '1', holder: 'gone', beat: '7', lease_ms: 4_000, moved_to: null, head_seq, head_chain };
  const fit = { standby: false, fsync: 'on', pages: 'on', encoding: 'UTF8', version: 150_000 };
  const driver: Driver = async () => ({
    ...{ connect: async () => {}, end: async () => {}, onNotice: () => {}, onEnd: () => {}, destroy: () => {} },
    async query(text) {
      if (!text.includes('lease_ms')) return [fit];
      asked += 1;
      nowMs += answerMs;
      return [fence];
    },
  });
  const settings = {
    ...{ hosts: [{ host: 'database', port: 5_432 }], database: 'testudo', user: 'testudo', password: '' },
    ...{ schema: 'testudo', isReplicated: false, outageMs: 60_000, leaseMs: 4_000 },
  };
  const following = followUntilFree(new PostgresLink(settings, timers, driver), new AbortController().signal, {
    tell: () => {},
    take: () => ok(undefined),
  });
  expect(await following).toEqual(ok({ head: noHead, epoch: 1 }));
  expect(asked).toBe(looks);
});
