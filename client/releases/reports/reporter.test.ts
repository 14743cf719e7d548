import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemTimers } from '../../../base/system-timers.ts';
import { ReleasesClient } from '../../../proto/generated/testudo/v1/releases.ts';
import { defaultAgentTimes } from '../agent-ports.ts';
import { callsOf } from '../grpc/calls.ts';
import { anInstallReport } from '../testing/an-install-report.ts';
import { ReportOutbox } from './report-outbox.ts';
import { Reporter } from './reporter.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-reporter-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('a reporter › sends once it is connected, however soon after it last looked and had nobody to send to', async () => {
  const outbox = await ReportOutbox.open(join(folder, 'reports.json'));
  await outbox.add({
    kind: 'install',
    report: anInstallReport,
    signature: '',
  });
  // Port 1 refuses: every attempt that is made fails, and says so by asking for its pause.
  const client = new ReleasesClient('127.0.0.1:1', credentials.createInsecure());
  let attempts = 0;
  for (let turns = 0; turns < 8; turns++) {
    const attempted = Promise.withResolvers<void>();
    const stopping = new AbortController();
    const unit = () => {
      attempts += 1;
      attempted.resolve();
      return 0.5;
    };
    const ports = { report: () => {}, timers: { ...systemTimers, now: () => 0 }, unit };
    const reporter = new Reporter(outbox, ports, defaultAgentTimes, stopping.signal);
    reporter.connected(undefined);
    for (let turn = 0; turn < turns; turn++) await undefined;
    reporter.connected(callsOf(client));
    await attempted.promise;
    stopping.abort();
    await reporter.settled();
  }
  client.close();
  expect(attempts).toBe(8);
});
