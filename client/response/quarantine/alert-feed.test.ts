import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemTimers } from '../../../base/system-timers.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { alertId } from '../../scoring/alert.ts';
import { AlertFeed } from './alert-feed.ts';

const line = (name: string, change: object = {}) =>
  `${JSON.stringify({
    ...{ id: alertId('syscall', name), at: '2026-11-28T12:00:00.000Z', track: 'syscall', modelVersion: 7 },
    ...{ score: 9, threshold: 3, text: name, labels: [], detail: {} },
    subject: { namespace: 'shop', workload: name, workloadClass: 'c', pod: `${name}-1` },
    ...change,
  })}\n`;

it('reads what every reader of alert files reads: each alert once, however long its text, and nothing else', async () => {
  const file = join(tempDir(), 'alerts.jsonl');
  const stopping = new AbortController();
  let heard = Promise.withResolvers<void>();
  // A long text is what a hostile name can make of an alert: it must not hide it.
  const hostile = line('hostile', { text: 'x'.repeat(200_000), threshold: null });
  appendFileSync(file, ['null\n', '{}\n', line('a'), line('a'), line('bad', { at: 'yesterday' }), hostile].join(''));
  const feed = new AlertFeed([file], {
    timers: systemTimers,
    signal: stopping.signal,
    onAlerts: () => heard.resolve(),
  });
  onTestFinished(async () => {
    stopping.abort();
    await feed.closed();
  });
  await heard.promise;
  heard = Promise.withResolvers();
  appendFileSync(file, line('a') + line('b'));
  await heard.promise;
  expect(feed.sightings.map(({ pod }) => pod)).toEqual(['a-1', 'hostile-1', 'b-1']);
  expect(feed.sightings[1]).toMatchObject({ threshold: Number.POSITIVE_INFINITY, text: 'x'.repeat(10_000) });
});
