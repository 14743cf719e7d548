import { describe, expect, it } from 'vitest';
import { vocabulary } from '../../../events/vocabulary.ts';
import { syscallDetector } from '../detectors.ts';
import type { LocalFindings, Reading } from '../memory/local-memory.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { newRuns } from './new-runs.ts';
import { learnClusterState, SyscallScorer } from './scoring.ts';
import { rawTraceScore } from './trace-score.ts';

describe('rawTraceScore beside a memory', () => {
  // Four calls of 64 surprise both the federation and the memory.
  const surprisal = Float32Array.from({ length: 64 }, (_, at) => (at % 16 === 0 ? 3 : 0.1));
  const local: LocalFindings = { surprisal, profileDistances: { counts: 0.04, presence: 0.09 } };
  const setUsual = Math.log(0.12);
  const mean = (power: number) => ((4 * 3 ** power + 60 * 0.1 ** power) / 64) ** (1 / power);
  const profiles = 2 * Math.sqrt(0.04 * mean(2)) + Math.sqrt(0.09 * mean(2));
  const excused = (nats: number) => 1.5 * Math.log(1 + 2 * Math.min(0.5, nats));

  /** Where so much is usual nothing is far beyond it: all of an excuse counts. */
  const usual = { setUsual, unexcused: 100 };

  const scoreOf = (setDistance: number, reading?: Reading) =>
    rawTraceScore({ surprisal, setDistance }, local, { usual, reading });

  it('counts how far the set is beyond what is usual, a fifth of it, up to a quarter of a nat', () => {
    for (const [distance, nats] of [
      [0.02, 0],
      [0.12, Math.log(0.14 / 0.12)],
      [0.5, 0.25],
      [8, 0.25],
    ] as const) {
      expect(scoreOf(distance)).toBeCloseTo(mean(3) + profiles + 0.2 * nats - excused(mean(1)), 6);
      for (const before of [2, 3, 4] as const) {
        expect(scoreOf(distance, before)).toBeCloseTo(mean(3) + profiles + 0.2 * nats, 6);
      }
      expect(scoreOf(distance, 5)).toBe(scoreOf(distance));
    }
  });

  it('weighs the distance of profiles by how surprised the federation is said to be, where that is said', () => {
    const said = rawTraceScore({ surprisal, setDistance: 0, surprised: 2 }, local, { usual });
    expect(said).toBeCloseTo(mean(3) + 2 * Math.sqrt(0.04 * 2) + Math.sqrt(0.09 * 2) - excused(mean(1)), 6);
  });

  it('counts all of it by the first reading', () => {
    expect(scoreOf(8, 1)).toBeCloseTo(mean(3) + profiles + 0.2 * Math.log(8.02 / 0.12), 6);
    expect(scoreOf(0.02, 1)).toBe(scoreOf(0.02, 4));
  });

  it('counts a surprise for more where the rest of the trace is usual', () => {
    // Their power means are the same.
    const even = new Float32Array(64).fill(mean(3));
    const among = (calls: Float32Array, reading?: Reading) =>
      rawTraceScore(
        { surprisal: calls, setDistance: 0, surprised: 1 },
        { ...local, surprisal: calls },
        { usual, reading },
      );
    expect(among(surprisal, 4)).toBeCloseTo(among(even, 4), 5);
    expect(among(surprisal) - among(even)).toBeCloseTo(excused(mean(3)) - excused(mean(1)), 5);
  });

  const strange = new Float32Array(64).fill(3);
  const ofStrange = (reading: Reading, unexcused?: number) =>
    rawTraceScore(
      { surprisal: strange, setDistance: 0 },
      { ...local, surprisal: strange },
      { usual: { setUsual, unexcused }, reading },
    );

  it('excuses no more than half a nat: a program that was never seen surprises throughout', () => {
    expect(ofStrange(4) - ofStrange(6, 100)).toBeCloseTo(1.5 * Math.log(2), 6);
    expect(ofStrange(5, 100)).toBe(ofStrange(6, 100));
  });

  it('excuses less from half a nat beyond what is usual on, and from one nothing', () => {
    const whole = ofStrange(4);
    for (const [beyond, share] of [
      [-3, 1],
      [0.5, 1],
      [0.75, 0.5],
      [1, 0],
      [9, 0],
    ] as const) {
      expect(whole - ofStrange(6, whole - beyond)).toBeCloseTo(share * 1.5 * Math.log(2), 6);
      expect(ofStrange(5, whole - beyond)).toBe(ofStrange(5));
    }
    // A workload that is learning counts from 0.
    expect(ofStrange(6)).toBe(whole);
  });

  it('adds four nats for a trace of new runs alone as far as normal ones have none, three by the reading before, and none by those before it', () => {
    const found = { surprisal, setDistance: 0.1 };
    for (const [reading, ownNew, nats] of [
      [6, undefined, 4],
      [6, 0.3, 2.8],
      [6, 1, 0],
      [5, 0.3, 3],
      [4, 0.3, 0],
    ] as const) {
      const [none, all] = [0, 1].map((fresh) =>
        rawTraceScore(found, local, { usual: { ...usual, ownNew }, fresh, reading }),
      );
      expect((all as number) - (none as number)).toBeCloseTo(nats, 9);
    }
    const below = (fresh: number) => rawTraceScore(found, local, { usual: { ...usual, ownNew: 0.3 }, fresh });
    expect(below(0.2)).toBe(below(0));
  });
});

describe('rawTraceScore without a memory', () => {
  const shared = { surprisal: new Float32Array(64).fill(0.4), setDistance: 0.01 };

  it('multiplies the views, either no less than a twentieth', () => {
    expect(rawTraceScore(shared, undefined)).toBeCloseTo(Math.log(0.06) + Math.log(0.45), 6);
    expect(rawTraceScore(shared, undefined, { reading: 3 })).toBe(rawTraceScore(shared, undefined));
  });

  it('adds the share of new runs, and nothing by the readings before', () => {
    const scored = (fresh: number, reading: Reading) => rawTraceScore(shared, undefined, { fresh, reading });
    expect(scored(0.4, 5) - scored(0, 5)).toBeCloseTo(0.4, 9);
    expect(scored(0.4, 4)).toBe(scored(0, 4));
  });

  it('takes a fiftieth by the readings before', () => {
    for (const reading of [1, 2] as const) {
      expect(rawTraceScore(shared, undefined, { reading })).toBeCloseTo(Math.log(0.03) + Math.log(0.42), 6);
    }
  });
});

describe('a calibration', () => {
  const classes = new WorkloadClasses(['web']);
  const detector = syscallDetector('two-views', classes);
  const trace = (seed: number) => ({
    cluster: 'here',
    service: 'web',
    calls: Uint16Array.from({ length: 40 }, (_, at) => 30 + ((at * seed) % 7)),
  });
  const normal = Array.from({ length: 12 }, (_, at) => trace(at + 1));
  const { weights } = detector.train(detector.init(1), normal, { seed: 1, steps: 0 });

  it('that was stored before goes on by the reading that made it', () => {
    const state = learnClusterState(detector, weights, normal);
    const classId = classes.idOf('web');
    const calibration = state.calibrations.get(classId);
    if (calibration === undefined) throw new Error('twelve traces calibrate');
    expect(calibration.reading).toBe(7);
    const { reading: _, ...before } = calibration;
    const judged = { ...trace(5), calls: Uint16Array.of(...trace(5).calls, 90, 31, 91, 30) };
    const opened = detector.open(weights);
    const found = { surprisal: opened.surprisal([judged])[0], setDistance: opened.setDistance?.(judged) };
    opened.close();
    const look = state.memory.look(judged);
    const fresh = newRuns(judged.calls, [look.knownRuns as Uint8Array]);
    expect(fresh).toBeGreaterThan(0);
    for (const [one, reading] of [
      [calibration, 7],
      [{ ...calibration, reading: 6 as const }, 6],
      [{ ...calibration, reading: 5 as const }, 5],
      [{ ...calibration, reading: 4 as const }, 4],
      [{ ...calibration, reading: 3 as const }, 3],
      [{ ...calibration, reading: 2 as const }, 2],
      [before, 1],
    ] as const) {
      const clusters = new Map([['here', { ...state, calibrations: new Map([[classId, one]]) }]]);
      const scorer = new SyscallScorer({ detector, weights, clusters });
      const raw = rawTraceScore(found, look, { usual: calibration, fresh, reading });
      expect(scorer.score([judged])[0]).toBeCloseTo(raw - calibration.median, 9);
      scorer.close();
    }
  });

  it('says how much of a normal trace the past would not know without it, whatever the federation has learnt, less of few', () => {
    const classId = classes.idOf('web');
    const odd = Array.from({ length: 60 }, (_, at) => ({ ...trace(1), calls: Uint16Array.of(30, 31, 60 + at, 31) }));
    const known = detector.train(detector.init(1), odd, { seed: 1, steps: 0 }).weights;
    const ownNew = (count: number) =>
      learnClusterState(detector, known, odd.slice(0, count)).calibrations.get(classId)?.ownNew;
    // Of four runs, two hold the call that nobody else makes.
    expect(ownNew(60)).toBeCloseTo(0.5, 9);
    expect(ownNew(20)).toBeCloseTo(0.25, 9);
    expect(ownNew(10)).toBe(0);
    const same = Array.from({ length: 40 }, (_, at) => ({
      ...trace(1),
      calls: trace(1).calls.subarray(0, 30 + (at % 2)),
    }));
    expect(learnClusterState(detector, known, same).calibrations.get(classId)?.ownNew).toBe(0);
  });

  it('says what is usual to clusters without a past by its own reading, the latest where they differ', () => {
    const state = learnClusterState(detector, weights, normal);
    const classId = classes.idOf('web');
    const calibration = state.calibrations.get(classId);
    if (calibration === undefined) throw new Error('twelve traces calibrate');
    const judged = { ...trace(5), calls: Uint16Array.of(...trace(5).calls, 90, 31), cluster: 'elsewhere' };
    const opened = detector.open(weights);
    const sequence = opened.surprisalAndRuns?.(judged);
    const fresh = newRuns(judged.calls, [sequence?.knownRuns as Uint8Array], 6);
    expect(fresh).toBeGreaterThan(0);
    const of = (reading: Reading) => ({
      surprisal: sequence?.surprisal,
      setDistance: opened.setDistance?.(judged, reading >= 5),
    });
    const stored = (sharedMedian: number, reading: Reading) => ({ ...calibration, sharedMedian, reading });
    for (const [some, median, reading] of [
      [[stored(-5, 2)], -5, 2],
      [[stored(-5, 1), stored(-3, 3), stored(-5, 2)], -3, 3],
      [[stored(-5, 4), stored(-3, 5)], -3, 5],
      [[stored(-3, 6), stored(-5, 5)], -3, 6],
    ] as const) {
      const clusters = new Map(
        some.map((one, at) => [`c${at}`, { ...state, calibrations: new Map([[classId, one]]) }] as const),
      );
      const scorer = new SyscallScorer({ detector, weights, clusters });
      expect(scorer.score([judged])[0]).toBeCloseTo(
        rawTraceScore(of(reading), undefined, { reading, fresh }) - median,
        9,
      );
      scorer.close();
    }
    opened.close();
  });

  describe('of a workload on which the federated model has no say', () => {
    const classId = classes.idOf('web');
    const judged = { ...trace(5), calls: Uint16Array.of(...trace(5).calls, 90, 31, 91, 30) };
    /** Of what other programs make of the same class. */
    const useless = [0, 1].map((by) => {
      const elsewhere = [120, 121].map((first) => ({
        ...trace(1),
        calls: Uint16Array.of(first, first + by, first + 7),
      }));
      return detector.train(detector.init(1), elsewhere, { seed: 1, steps: 0 }).weights;
    });
    const scored = (flat: Float32Array, reading?: Reading) => {
      const state = learnClusterState(detector, flat, loops);
      const calibration = state.calibrations.get(classId);
      if (calibration === undefined) throw new Error('thirty traces calibrate');
      expect(calibration.sharedHelps).toBe(false);
      const calibrations = new Map([[classId, { ...calibration, ...(reading && { reading }) }]]);
      const scorer = new SyscallScorer({
        detector,
        weights: flat,
        clusters: new Map([['here', { ...state, calibrations }]]),
      });
      const found = {
        score: scorer.score([judged])[0],
        surprisal: scorer.surprisal(judged),
        set: scorer.explainSet(judged),
      };
      scorer.close();
      return { ...found, calibration, look: state.memory.look(judged) };
    };
    const loops = Array.from({ length: 30 }, (_, at) => ({
      ...trace(1),
      calls: Uint16Array.from({ length: 40 + at }, (_, place) => 30 + (place % 3)),
    }));

    it('puts a model that knows no call from another in its place', () => {
      const uninformed = new Float32Array(judged.calls.length).fill(Math.log(vocabulary.length));
      for (const flat of [detector.init(1), ...useless]) {
        const { score, surprisal, set, calibration, look } = scored(flat);
        const fresh = newRuns(judged.calls, [look.knownRuns as Uint8Array]);
        const found = { surprisal: uninformed, setDistance: 0, surprised: 2 };
        const raw = rawTraceScore(found, look, { usual: calibration, fresh });
        expect(score).toBeCloseTo(raw - calibration.median, 9);
        const mixed = look.surprisal.map((own) => -Math.log(0.7 / vocabulary.length + 0.3 * Math.exp(-own)));
        for (const [at, value] of surprisal.entries()) expect(value).toBeCloseTo(mixed[at] as number, 5);
        expect(set).toBeUndefined();
      }
    });

    it('hears the memory alone by the readings before', () => {
      for (const reading of [1, 2, 3] as const) {
        const { score, surprisal, calibration, look } = scored(detector.init(1), reading);
        const raw = rawTraceScore({ surprisal: undefined, setDistance: 0 }, look, { usual: calibration, reading });
        expect(score).toBeCloseTo(raw - calibration.median, 9);
        expect(surprisal).toEqual(look.surprisal);
      }
    });
  });
});
