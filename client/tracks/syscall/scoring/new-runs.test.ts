import { describe, expect, it } from 'vitest';
import type { OpenDetector } from '../../detector.ts';
import { syscallDetector } from '../detectors.ts';
import { lightDetector, writeLightForm } from '../light/light-forms.ts';
import { openInOnnxRuntime } from '../light/two-views-light.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { newRuns } from './new-runs.ts';
import { learnClusterState, SyscallScorer } from './scoring.ts';

const loop = (turns: number, ...more: number[]) =>
  Uint16Array.from([...Array.from({ length: turns * 5 }, (_, at) => 30 + (at % 5)), ...more]);

describe('newRuns', () => {
  const all = (calls: Uint16Array, length: number) => new Uint8Array(calls.length).fill(length);

  it('counts what a loop repeats once', () => {
    const calls = loop(40, 90);
    // Three that the start cuts short, five of the loop, one that ends with the call after it.
    const known = all(calls, 12);
    known[200] = 0;
    expect(newRuns(calls, [known])).toBeCloseTo(1 / 9, 9);
    expect(newRuns(calls, [known.map((length) => 12 - length)])).toBeCloseTo(8 / 9, 9);
  });

  it('takes for known what anyone knows, and of the start what is no longer than the trace', () => {
    const calls = Uint16Array.of(30, 31, 32, 33, 34);
    const [mine, theirs] = [Uint8Array.of(2, 3, 3, 1, 4), Uint8Array.of(0, 0, 4, 3, 0)];
    expect(newRuns(calls, [mine])).toBe(2 / 5);
    expect(newRuns(calls, [theirs])).toBe(4 / 5);
    expect(newRuns(calls, [mine, theirs])).toBe(1 / 5);
    expect(newRuns(new Uint16Array(0), [])).toBe(0);
  });
});

describe('known runs of a federation', () => {
  const classes = new WorkloadClasses(['web']);
  const detector = syscallDetector('two-views', classes);
  const trace = (calls: Uint16Array) => ({ service: 'web', calls });
  const rare = Uint16Array.from({ length: 60 }, (_, at) => 100 + ((at ** 3 + at) % 23));
  const trained = (some: readonly Uint16Array[]) =>
    detector.train(detector.init(1), some.map(trace), { seed: 1, steps: 0 }).weights;
  const usual = Array.from({ length: 30 }, (_, at) => loop(10 + at, 40 + at, 41, 42 + (at % 7)));
  const locals = [trained([...usual, rare]), ...Array.from({ length: 10 }, (_, at) => trained(usual.slice(at)))];
  const mean = (locals[0] as Float32Array).map(
    (_, at) => locals.reduce((sum, own) => sum + (own[at] as number), 0) / 11,
  );

  /** A cluster's own part that is told how much of a normal trace is new to it. */
  const stateWith = (ownNew: number) => {
    const state = learnClusterState(detector, mean, usual.map(trace));
    const calibrations = new Map([...state.calibrations].map(([id, one]) => [id, { ...one, ownNew }] as const));
    return { ...state, calibrations };
  };

  it('count none of a trace as new where the federated model is heard and cannot say which it knows', async () => {
    const bytes = (await writeLightForm(detector.spec, mean)) as Uint8Array;
    const state = stateWith(0);
    const judged = { ...trace(rare), cluster: 'here' };
    const runsBy = (open: () => OpenDetector) => {
      const scorer = new SyscallScorer({
        detector: { spec: detector.spec, open },
        weights: mean,
        clusters: new Map([['here', state]]),
      });
      const [score, ofNever] = scorer.score([judged, { ...judged, calls: rare.toReversed() }]) as unknown as number[];
      const found = { score, ofNever, runs: scorer.explainRuns({ ...judged, calls: rare.toReversed() }) };
      scorer.close();
      return found;
    };
    const [told, untold] = [() => detector.open(mean), () => openInOnnxRuntime(detector.spec, bytes)].map(runsBy);
    expect(told?.runs).toMatchObject({ length: 4, fresh: expect.any(Number) });
    expect(untold?.runs).toBeUndefined();
    // The federation knows these: no more surprising by a model that cannot say so.
    expect(untold?.score).toBeCloseTo(told?.score as number, 1);
    expect(untold?.ofNever).toBeLessThan((told?.ofNever as number) - 2);
  });

  it('are told of a trace where more are new than of a normal one here, which alone counts', () => {
    const judged = { ...trace(rare.toReversed()), cluster: 'here' };
    const told = (ownNew: number) => {
      const clusters = new Map([['here', stateWith(ownNew)]]);
      const scorer = new SyscallScorer({ detector, weights: mean, clusters });
      const runs = scorer.explainRuns(judged);
      scorer.close();
      return runs;
    };
    const { fresh = 0, distinct = 0 } = told(0) ?? {};
    expect(told(fresh / distinct - 0.01)).toMatchObject({ fresh, distinct });
    expect(told(fresh / distinct)).toBeUndefined();
  });

  it('are those of one trace in one of eleven clusters too, whole and in the light form', async () => {
    const light = await lightDetector(detector.spec, (await writeLightForm(detector.spec, mean)) as Uint8Array);
    const never = rare.toReversed();
    for (const opened of [detector.open(mean), light.open(mean)]) {
      const fresh = (calls: Uint16Array) => {
        const found = opened.surprisalAndRuns?.(trace(calls));
        expect(found?.surprisal).toEqual(opened.surprisal([trace(calls)])[0]);
        return newRuns(calls, [found?.knownRuns as Uint8Array]);
      };
      expect(fresh(rare)).toBe(0);
      expect(fresh(usual[3] as Uint16Array)).toBe(0);
      expect(fresh(never)).toBeGreaterThan(0.9);
      opened.close();
    }
  });
});
