import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../base/random.ts';
import { syscallDetector } from '../detectors.ts';
import type { Calibration, Reading } from '../memory/local-memory.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { aloneScore, leaning, leant } from './alone-score.ts';
import { learnClusterState, SyscallScorer } from './scoring.ts';
import { sharedFindings } from './shared-findings.ts';
import { TraceJudge } from './trace-judge.ts';

describe('leaning', () => {
  const calibration = (ownNew: number | undefined, more: Partial<Calibration> = {}): Calibration => ({
    ...{ traces: 30, median: 0, sharedMedian: 0, tail: [], reading: 7 as Reading },
    ...(ownNew !== undefined && { ownNew }),
    ...more,
  });

  it('grows with what a normal trace does that the cluster never saw, from fifteen in a hundred of its runs to twenty-five', () => {
    for (const [ownNew, share] of [
      [0, 0],
      [0.15, 0],
      [0.2, 0.5],
      [0.25, 1],
      [0.9, 1],
    ] as const) {
      expect(leaning(calibration(ownNew))).toBeCloseTo(share, 9);
    }
  });

  it('is nothing where a workload is learning, where nobody knows runs, where the federation has no say, and by the readings before', () => {
    expect(leaning(undefined)).toBe(0);
    expect(leaning(calibration(undefined))).toBe(0);
    expect(leaning(calibration(0.9, { sharedHelps: false }))).toBe(0);
    for (const reading of [1, 2, 3, 4, 5, 6] as const) expect(leaning(calibration(0.9, { reading }))).toBe(0);
  });

  it('takes three quarters of the score from the other at most', () => {
    expect(leant(3, 2, 0)).toBe(3);
    expect(leant(3, 2, 0.5)).toBeCloseTo(3 - 0.375, 9);
    expect(leant(3, 2, 1)).toBeCloseTo(2.25, 9);
  });
});

describe('a workload each of whose traces does much that its cluster never did', () => {
  const random = seededRandom(7);
  const classes = new WorkloadClasses(['host']);
  const detector = syscallDetector('two-views', classes);
  /** Few traces know how any two of these meet. */
  const parts = Array.from({ length: 100 }, () => Array.from({ length: 8 }, () => 30 + Math.floor(random() * 60)));
  const trace = () => {
    const calls = Array.from({ length: 10 }, () => parts[Math.floor(random() * parts.length)] as number[]).flat();
    return { service: 'host', calls: Uint16Array.from(calls) };
  };
  const some = (count: number) => Array.from({ length: count }, trace);
  const [own, elsewhere, [judged]] = [some(40), some(300), some(1)];
  const weights = detector.train(detector.init(1), [...own, ...elsewhere], { seed: 1, steps: 0 }).weights;

  it('is scored by the federation alone as well, from what is usual by it on', () => {
    if (judged === undefined) throw new Error('one trace is judged');
    const state = learnClusterState(detector, weights, own);
    const classId = classes.idOf('host');
    const calibration = state.calibrations.get(classId);
    if (calibration === undefined) throw new Error('forty traces calibrate');
    const share = leaning(calibration);
    expect(share).toBeGreaterThan(0);
    const scored = (some: Calibration) => {
      const clusters = new Map([['here', { ...state, calibrations: new Map([[classId, some]]) }]]);
      const scorer = new SyscallScorer({ detector, weights, clusters });
      const [score] = scorer.score([{ ...judged, cluster: 'here' }]);
      scorer.close();
      return score as number;
    };
    const opened = detector.open(weights);
    const alone = aloneScore(judged.calls, sharedFindings(opened, judged, true)) - calibration.sharedMedian;
    opened.close();
    const beside = scored({ ...calibration, reading: 6 });
    expect(scored(calibration)).toBeCloseTo(leant(beside, alone, share), 9);
    expect(scored(calibration)).not.toBeCloseTo(beside, 3);
  });

  it('is said', () => {
    const judge = TraceJudge.open(
      detector,
      weights,
      own.map(({ service, calls }) => ({ workload: service, calls })),
    );
    expect(judge.remarks()).toEqual([
      expect.stringMatching(
        /^the federated model alone has a say on host too: to the cluster's past \d+ % of a normal trace is new$/,
      ),
    ]);
    judge.close();
  });
});
