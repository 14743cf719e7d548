import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ok } from '../../../../base/fault.ts';
import { holdToSchema } from '../../../testing/held-to-schema.ts';
import type { RunnableDrill } from '../drills.ts';
import { checkThat } from '../report.ts';
import { turnsBetween } from './due-times.ts';
import { type Entry, recall, remember } from './history.ts';
import { runSchedule } from './run-schedule.ts';

const hourMs = 3_600_000;
const plain = { asks: '', does: '', expects: '', needs: '', undoes: '', isHarmless: true };
const start = Date.parse('2026-11-29T12:00:00Z');
const settings = {} as Parameters<RunnableDrill['run']>[0];

it('runs each turn, says of those that it slept through that nobody looked, and undoes the one that is interrupted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-schedule-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const historyFile = join(folder, 'drills.jsonl');
  const rule = { key: Buffer.alloc(32, 1), drills: ['good', 'broken', 'slow'], periodMs: hourMs, windows: [] };
  const asleep = turnsBetween(rule, start - 2 * hourMs, start);
  await remember(historyFile, {
    at: new Date(start - 2 * hourMs).toISOString(),
    drill: 'good',
    outcome: 'found',
    because: '',
  });
  await appendFile(historyFile, '{"at":'); // Cut short by a full disk.
  const ending = new AbortController();
  let isUndone = false;
  const drills: readonly RunnableDrill[] = [
    { ...plain, name: 'good', run: async () => ok([checkThat('it', '', '', true)]) },
    { ...plain, name: 'broken', run: async () => Promise.reject(new Error('no kubectl')) },
    {
      ...plain,
      name: 'slow',
      async run(_, signal) {
        queueMicrotask(() => ending.abort(new Error('told to end')));
        try {
          return await new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          });
        } finally {
          isUndone = true;
        }
      },
    },
  ];
  const heard: Entry[] = [];
  // A clock that has passed every turn from its second look on.
  let looks = 0;
  const now = () => (looks++ === 0 ? start : start + 1_000 * hourMs);
  const plan = { rule, drills, settings, historyFile, now, heard: (entry: Entry) => void heard.push(entry) };
  await runSchedule(plan, ending.signal);
  const { entries, damaged } = await recall(historyFile);
  expect(damaged).toBe(1);
  expect(entries.slice(1)).toEqual(heard);
  for (const entry of heard) holdToSchema(['drill', 'schedule', '--json'], JSON.stringify(entry));
  expect(heard.slice(0, asleep.length)).toEqual(
    asleep.map(({ drill, atMs }) => ({
      ...{ drill, at: new Date(atMs).toISOString() },
      ...{ outcome: 'not measurable', because: 'the schedule did not run then' },
    })),
  );
  const ran = heard.slice(asleep.length);
  const expected = {
    good: ['found', ''],
    broken: ['not measurable', 'no kubectl'],
    slow: ['not measurable', 'it was interrupted'],
  };
  for (const { drill, outcome, because } of ran) expect([outcome, because]).toEqual(expected[drill as 'good']);
  expect(ran.at(-1)?.drill).toBe('slow');
  expect(isUndone).toBe(true);
});
