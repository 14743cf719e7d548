import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { EpochMs } from '../../base/time.ts';
import { digestOf } from '../../proto/digest.ts';
import { parseTrackId } from '../../proto/ids.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { parseClientConfig } from '../config.ts';
import type { RateFact } from '../events/rate-fact.ts';
import { callIdOfName } from '../events/vocabulary.ts';
import { openTracks } from '../learning/local-track.ts';
import { createMetrics } from '../observability/metrics.ts';
import { defaultRates, WorkloadRates } from '../rates/workload-rates.ts';
import { gramTableSpec, initialGramTable } from '../tracks/syscall/gram-table/gram-table.ts';
import type { AssembledTrace } from '../tracks/syscall/traces/trace-assembler.ts';
import { WorkloadClasses } from '../tracks/syscall/traces/workload-classes.ts';
import type { Alert } from './alert.ts';
import { LiveScoring } from './live-scoring.ts';
import { RateWatch, withRates } from './rates-seen.ts';
import { scoringHere } from './scoring-thread.ts';
import { Threshold } from './thresholds/threshold.ts';

const track = parseTrackId('syscall');
const spec = gramTableSpec(new WorkloadClasses(['sshd']), 2 ** 12);
const minute = 60_000;

let folder: string;
let close: () => Promise<void> = async () => undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-rates-'));
});

afterEach(async () => {
  await close();
  await rm(folder, { recursive: true, force: true });
});

async function open(rates: WorkloadRates | undefined): Promise<LiveScoring> {
  const text = JSON.stringify({
    dataDirectory: folder,
    coordinator: { addresses: ['127.0.0.1:1'] },
    tracks: [track],
    scoring: { warmUp: 50, alertRate: 0.01 },
  });
  const config = unwrap(parseClientConfig({ file: { path: join(folder, 'client.yaml'), text } }));
  const dataKey = Buffer.alloc(32, 1);
  const local = unwrap(await openTracks(config, dataKey, Date.now())).get(track);
  if (local === undefined) throw new Error('the track was not opened');
  const scoring = new LiveScoring({
    config,
    track: local,
    dataKey,
    link: scoringHere(),
    rates,
    onRisk: () => undefined,
    metrics: createMetrics(),
    log: pino({ level: 'silent' }),
    timers: systemTimers,
  });
  close = async () => {
    await scoring.close();
    local.buffer.close();
  };
  const bytes = bytesOfValues(initialGramTable(spec));
  const weightsPath = join(folder, 'weights');
  await writeFile(weightsPath, bytes);
  await scoring.install({ version: 1, digest: digestOf(bytes), spec, weightsPath });
  return scoring;
}

/** A login that failed: 20 calls, none of which changes a user or runs a program; and one that did not. */
function sessionOf(pid: number, atMs: number, failed: boolean): AssembledTrace {
  const quiet = ['read', 'write', 'close', 'openat', 'newfstatat', 'poll', 'getpid'];
  const names = failed ? quiet : [...quiet, 'clone', 'setresuid', 'execve', 'wait4'];
  const calls = Uint16Array.from({ length: failed ? 20 : 90 }, (_, at) =>
    callIdOfName(names[(at * (1 + (pid % 3))) % names.length] as string),
  );
  return {
    thread: `t${pid}`,
    process: {
      node: '',
      namespace: 'shop',
      workload: 'sshd',
      pod: 'sshd-0',
      container: '',
      binary: '',
      pid,
      workloadClass: 'sshd',
    },
    calls,
    argumentClasses: new Uint16Array(calls.length),
    firstMs: atMs,
    lastMs: atMs,
    piece: 0,
    began: pid,
  };
}

/** An hour of four logins a minute, one of them a typing error every fourth minute; then thirty errors within one minute. */
async function guess(scoring: LiveScoring): Promise<{ learnt: number }> {
  const startMs = Date.now() - 90 * minute;
  let pid = 0;
  for (let at = 0; at < 60; at++) {
    const sessions = [0, 1, 2, 3].map((one) => ({
      atMs: startMs + at * minute + one * 15_000,
      failed: one === 0 && at % 4 === 0,
    }));
    await scoring.judge(sessions.map(({ atMs, failed }) => sessionOf(++pid, atMs, failed)));
  }
  let learnt = 0;
  for (let one = 0; one < 30; one++) {
    const normal = await scoring.judge([sessionOf(++pid, startMs + 60 * minute + one * 1_500, true)]);
    learnt += normal.length;
  }
  return { learnt };
}

async function alerts(): Promise<Alert[]> {
  const text = await readFile(join(folder, 'alerts.jsonl'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Alert);
}

describe('rates in scores', () => {
  it('find guesses of which each is a failed login like any other, once and with what was counted', async () => {
    const { learnt } = await guess(await open(new WorkloadRates(defaultRates)));
    const raised = await alerts();
    expect(raised.length).toBe(1);
    const [alert] = raised as [Alert];
    expect(alert.score).toBeGreaterThan(alert.threshold);
    const failures = {
      workload: 'shop/sshd',
      measure: 'traces alike',
      shape: 'about 16 calls, nothing of note',
      median: 0,
    };
    expect(alert.detail.rates).toEqual(expect.arrayContaining([expect.objectContaining(failures)]));
    expect(alert.text).toContain('traces alike (about 16 calls, nothing of note) within a minute; usual are 0');
    // The burst is no more learnt from than any other alarm.
    expect(learnt).toBeLessThan(12);
  });

  it('are what finds them: without them nothing is said', async () => {
    expect(await guess(await open(undefined))).toEqual({ learnt: 30 });
    expect(await alerts()).toEqual([]);
  });
});

describe('RateWatch', () => {
  const login: RateFact = {
    ...{ workload: 'shop/sshd', measure: 'sessions alike', shape: 'port 22', peer: 'world /', amount: 1 },
  };
  const startMs = 1_000_000 * minute;
  const dayMs = 24 * 60 * minute;

  /** A workload of four logins a minute for half an hour, on a machine whose clock is so far ahead. */
  function watchOf(aheadMs: number) {
    const clock = { nowMs: startMs + aheadMs };
    const watch = new RateWatch(new WorkloadRates(), 0.01, () => clock.nowMs as EpochMs);
    const see = (count: number) => {
      const atMs = clock.nowMs;
      const seen = Array.from({ length: count }, () => watch.see({ atMs, adds: [login], of: [] }));
      return seen.at(-1);
    };
    for (let at = 0; at < 120; at++, clock.nowMs += minute / 4) see(1);
    return { clock, watch, see };
  }

  it('counts from the present on, against what was usual, once the clock that was ahead is set right', () => {
    const { clock, see } = watchOf(dayMs);
    clock.nowMs -= dayMs;
    expect(see(4)?.p).toBeGreaterThan(0.1);
    const [told] = see(200)?.unusual ?? [];
    expect(told).toMatchObject({ count: 204, median: 4, intervals: 29 });
    expect(told?.p).toBeLessThan(1e-5);
    // Once it is over it counts no more.
    clock.nowMs += 2 * minute;
    expect(see(4)?.unusual[0]).toMatchObject({ count: 4, intervals: 31 });
  });

  it('keeps what the minute counted where the clock is only put right by seconds', () => {
    const { clock, see } = watchOf(0);
    see(150);
    clock.nowMs -= 5_000;
    expect(see(50)?.unusual[0]?.count).toBeGreaterThanOrEqual(200);
  });

  it('says again what it said before the clock was set back', () => {
    const { clock, watch, see } = watchOf(dayMs);
    const say = () => watch.wasSaid(see(200) as NonNullable<ReturnType<typeof see>>);
    expect([say(), say()]).toEqual([false, true]);
    clock.nowMs -= dayMs;
    expect([say(), say()]).toEqual([false, true]);
    clock.nowMs += minute;
    expect(say()).toBe(false);
  });
});

describe('withRates', () => {
  const alertRate = 0.001;
  const rates = (p: number) => ({ p, unusual: [], alertRate });
  const thresholdOf = (scores: readonly number[]) => {
    const threshold = new Threshold({ rule: { kind: 'quantile', alertRate }, warmUp: 20, windowMax: 2_000 });
    threshold.seed(scores);
    return threshold;
  };
  const someScores = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 20, maxLength: 120 });

  it('leaves a score as it is beside usual rates, and lifts a usual one over the level by rates rarer than an alarm', () => {
    const own = thresholdOf(Array.from({ length: 1_000 }, (_, at) => at / 1_000));
    expect(withRates(own, 0.7, rates(0.5))).toBe(0.7);
    expect(withRates(own, 0.7, undefined)).toBe(0.7);
    // A usual score and rates of p together are as rare as one in 1 / 2p.
    expect(withRates(own, 0.2, rates(0.005))).toBeCloseTo(0.99, 3);
    expect(withRates(own, 0.2, rates(0.000_51))).toBeLessThanOrEqual(own.level());
    expect(withRates(own, 0.2, rates(0.000_49))).toBeGreaterThan(own.level());
    expect(withRates(thresholdOf([1, 2]), 0.2, rates(1e-6))).toBe(0.2);
  });

  it('never lowers a score, and lifts more by rarer rates', () => {
    const p = fc.double({ min: 1e-6, max: 1, noNaN: true });
    fc.assert(
      fc.property(someScores, fc.double({ min: -4, max: 9, noNaN: true }), p, p, (scores, score, one, other) => {
        const own = thresholdOf(scores);
        const [rare, common] = [Math.min(one, other), Math.max(one, other)].map((some) =>
          withRates(own, score, rates(some)),
        ) as [number, number];
        expect(common).toBeGreaterThanOrEqual(score);
        expect(rare).toBeGreaterThanOrEqual(common - 1e-9);
      }),
    );
  });

  it('brings no larger share of usual places over any height than that height is passed by, where minutes are as usual', () => {
    const minutes = 2_000;
    fc.assert(
      fc.property(someScores, (scores) => {
        const own = thresholdOf(scores);
        const heights = [0.3, 0.1, 0.02, alertRate].map(
          (share) => [share, own.tail(alertRate)?.scoreOf(share)] as const,
        );
        const over = heights.map(() => 0);
        for (const score of scores) {
          for (let minute = 0; minute < minutes; minute++) {
            const lifted = withRates(own, score, rates((minute + 0.5) / minutes));
            for (const [at, [, height = 0]] of heights.entries()) {
              if (score <= height && lifted > height) over[at] = (over[at] as number) + 1;
            }
          }
        }
        for (const [at, [share]] of heights.entries()) {
          expect((over[at] as number) / (scores.length * minutes)).toBeLessThanOrEqual(share);
        }
      }),
      { numRuns: 8 },
    );
  });
});
