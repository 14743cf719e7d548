import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ok } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { canMount, fillDisk, mountSmallDisk } from '../../../base/testing/small-disk.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { ClusterId, FederationId, TrackId } from '../../../proto/ids.ts';
import type { InstallReport } from '../../../proto/release/install-report.ts';
import { defaultAgentTimes } from '../agent-ports.ts';
import { ReportOutbox } from './report-outbox.ts';
import { Reporter } from './reporter.ts';

const report: InstallReport = {
  federation: 'f' as FederationId,
  cluster: 'c' as ClusterId,
  track: 'syscall' as TrackId,
  version: 1,
  manifestDigest: digestOf(Buffer.from('manifest')),
  outcome: 'installed',
  faultCode: '',
  pinsVersion: 0,
  atMs: 0,
};

it('reports are sent from a disk that takes nothing more, which ends nobody, and once more after a restart', async (context) => {
  const disk = await mkdtemp(join(tmpdir(), 'testudo-disk-'));
  onTestFinished(() => rm(disk, { recursive: true })); // After it was unmounted.
  if (!canMount(disk)) return context.skip('mounting a tmpfs is not allowed here');
  mountSmallDisk(disk, 64);
  const path = join(disk, 'reports.json');
  const outbox = await ReportOutbox.open(path);
  await outbox.add({ kind: 'install', report, signature: 'c2lnbmVk' });
  fillDisk(join(disk, 'ballast'));

  let told = 0;
  const calls = {
    acknowledge: async () => {
      told += 1;
      return ok(told);
    },
    reportShadow: () => Promise.reject(new Error('there is none')),
  };
  const ports = { report: () => {}, timers: systemTimers, unit: () => 0.5 };
  const reporter = new Reporter(outbox, ports, defaultAgentTimes, new AbortController().signal);
  reporter.connected(calls);
  await reporter.settled();
  expect([told, outbox.waiting]).toEqual([1, 0]);
  expect((await ReportOutbox.open(path)).waiting).toBe(1);
});
