import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { ensurePrivateFolder, writeNewFile } from '../../../../base/atomic-file.ts';
import { decimalOf } from '../../../../base/text/number.ts';
import { readWhole } from '../../../../base/text/read-whole.ts';
import { jsonLine, table } from '../../../../base/text/table.ts';
import { exitCodes, exitWith, usage } from '../../../exit.ts';
import { complain, print } from '../../../print.ts';
import { completed, withSettings } from '../drill-settings.ts';
import { drills } from '../drills.ts';
import { untilInterrupted } from '../interruption.ts';
import type { DrillRule } from './due-times.ts';
import { recall } from './history.ts';
import { runSchedule } from './run-schedule.ts';
import { type Sensitivity, type Span, sensitivityOf } from './sensitivity.ts';

const harmless = drills.filter(({ isHarmless }) => isHarmless).map(({ name }) => name);
const history = 'drills.jsonl';

/** `testudo drill schedule`: harmless drills at times that nobody can foretell. */
export function scheduleCommand() {
  return withSettings(
    new Command('schedule').description('run harmless drills at random times, and remember what they found'),
  )
    .requiredOption('--state <folder>', 'what they found, and the key that decides when they run')
    .option('--drills <list>', `which: ${harmless.join(', ')}`, 'alert-flood,lateral-movement')
    .option('--every <hours>', 'each runs once in every period of so many hours, 1 to 744', '24')
    .option(
      '--between <hours...>',
      'hours in which one may begin, UTC: 22:00-04:00, or 1-5@22:00-04:00 with 1 for Monday',
    )
    .option('--json', 'one JSON value a line')
    .action(async ({ state, drills: list, every, between = [], json, ...settings }) => {
      const wanted = list.split(',');
      const not = wanted.find((name) => !harmless.includes(name));
      if (not !== undefined)
        return usage(`--drills: ${not} is none, or not harmless; there are ${harmless.join(', ')}`);
      const hours = decimalOf(every);
      if (!(hours >= 1 && hours <= 744)) return usage('--every: expected 1 to 744 hours');
      const windows = between.map(windowFrom);
      const rule = { key: keyOf(state), drills: wanted, periodMs: hours * 3_600_000, windows };
      complain(
        `each of ${wanted.join(', ')} once in ${hours} h, at a time that ${join(state, keyFile)} decides; ${join(state, history)} keeps what they find`,
      );
      try {
        await untilInterrupted((signal) =>
          runSchedule(
            {
              ...{ rule, historyFile: join(state, history), now: Date.now },
              drills: drills.filter(({ name }) => wanted.includes(name)),
              settings: completed(settings),
              heard: (entry) =>
                print(
                  json === true
                    ? jsonLine(entry)
                    : `${entry.at} ${entry.drill}: ${entry.outcome}${entry.because === '' ? '' : `, ${entry.because}`}`,
                ),
            },
            signal,
          ),
        );
      } catch (error) {
        return exitWith({ code: 'DRILL_FAILED', message: (error as Error).message });
      }
      return undefined;
    });
}

/** `testudo drill report`: sensitivity over time. */
export function reportCommand() {
  return new Command('report')
    .description('how often scheduled drills found what they tried, over time')
    .requiredOption('--state <folder>', 'as for schedule')
    .option('--by <span>', 'day, week, month or all', 'week')
    .option('--json', 'one JSON value a line')
    .action(async ({ state, by, json }) => {
      if (!isSpan(by)) return usage('--by: expected day, week, month or all');
      const { entries, damaged } = await recall(join(state, history));
      if (damaged > 0) complain(`${damaged} lines of ${join(state, history)} are no entries, and were left out`);
      const rows = sensitivityOf(entries, by);
      if (json === true) for (const row of rows) print(jsonLine(row));
      else print(rows.length === 0 ? 'no drill has run yet: start `testudo drill schedule`' : sensitivityText(rows));
      if (rows.some(({ missed }) => missed > 0)) process.exitCode = exitCodes.attention;
      return undefined;
    });
}

function sensitivityText(rows: readonly Sensitivity[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const text = table(rows, [
    { title: 'DRILL', text: ({ drill }) => drill },
    { title: 'FROM', text: ({ from }) => (from === '' ? 'the beginning' : from) },
    { title: 'FOUND', text: ({ found }) => String(found), align: 'right' },
    { title: 'MISSED', text: ({ missed }) => String(missed), align: 'right' },
    { title: 'NOT MEASURABLE', text: ({ blind }) => String(blind), align: 'right' },
    { title: 'FOUND OF MEASURED', text: ({ share }) => (share === null ? 'unknown' : percent(share)), align: 'right' },
    {
      title: '95 % INTERVAL',
      text: ({ interval }) => (interval === null ? '' : `${percent(interval[0])} to ${percent(interval[1])}`),
    },
  ]);
  return `${text}\n\nA wide interval means that too few drills have run to say more. What was not measurable counts on neither side.`;
}

function isSpan(text: string): text is Span {
  return ['day', 'week', 'month', 'all'].includes(text);
}

function windowFrom(text: string): DrillRule['windows'][number] {
  const match = /^(?:([1-7])(?:-([1-7]))?@)?((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)$/.exec(text);
  if (match === null) return usage(`--between ${text}: expected 22:00-04:00 or 1-5@22:00-04:00`);
  const [, first, last, from = '', to = ''] = match;
  const [low, high] = first === undefined ? [1, 7] : [Number(first), Number(last ?? first)];
  if (low > high) return usage(`--between ${text}: the first day comes after the last`);
  return { days: Array.from({ length: high - low + 1 }, (_, at) => low + at), from, to };
}

const keyFile = 'drills.key';
const keyBytes = 32;

/** Made where there is none. Whoever reads it knows when drills run. */
function keyOf(state: string): Buffer {
  ensurePrivateFolder(state);
  const path = join(state, keyFile);
  if (!existsSync(path)) writeNewFile(path, randomBytes(keyBytes));
  const key = readWhole(path);
  if (key.length !== keyBytes)
    return exitWith({
      code: 'FILE_REFUSED',
      message: `${path} holds ${key.length} bytes and not ${keyBytes}; remove it`,
    });
  return key;
}
