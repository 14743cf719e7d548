import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ok } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { canMount, fillDisk, mountSmallDisk } from '../../../base/testing/small-disk.ts';
import { defaultAgentTimes } from '../agent-ports.ts';
import { anInstallReport } from '../testing/an-install-report.ts';
import { ReportOutbox } from './report-outbox.ts';
import { Reporter } from './reporter.ts';

it('reports are sent from a disk that takes nothing more, which ends nobody, and once more after a restart', async (context) => {
  const disk = await mkdtemp(join(tmpdir(), 'testudo-disk-'));
  onTestFinished(() => rm(disk, { recursive: true })); // After it was unmounted.
  if (!canMount(disk)) return context.skip('mounting a tmpfs is not allowed here');
  mountSmallDisk(disk, 64);
  const path = join(disk, 'reports.json');
  const outbox = await ReportOutbox.open(path);
  await outbox.add({ kind: 'install', report: anInstallReport, signature: 'c2lnbmVk' });
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
