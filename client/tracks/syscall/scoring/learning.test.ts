import { describe, expect, it } from 'vitest';
import { nameOfCallId } from '../../../events/vocabulary.ts';
import type { SyscallDetectorName } from '../detector-names.ts';
import { syscallDetector } from '../detectors.ts';
import { calibrationTracesMin } from '../memory/local-memory.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { learnClusterState, SyscallScorer } from './scoring.ts';
import { TraceJudge } from './trace-judge.ts';

const classes = new WorkloadClasses(['web', 'db']);
const trace = (service: string, ...calls: number[]) => ({
  cluster: 'here',
  service,
  calls: Uint16Array.from({ length: 12 }).map((_, at) => calls[at % calls.length] as number),
});
/** Normal traces of a program that the rest of the federation does not run. */
const own = (count: number) => Array.from({ length: count }, (_, at) => trace('web', 30, 31, 32, 33 + at, 31));

describe.each<SyscallDetectorName>(['two-views', 'gram-table'])(
  'a workload of %s with few traces of its own',
  (name) => {
    const detector = syscallDetector(name, classes);
    const elsewhere = [trace('web', 5, 6, 7), trace('web', 5, 6, 8), trace('db', 20, 21)];
    const { weights } = detector.train(detector.init(1), elsewhere, { seed: 1, steps: 0 });
    const scoresWith = (traces: readonly ReturnType<typeof trace>[] | undefined, judged = trace('web', 30, 31, 32)) => {
      const state = traces === undefined ? [] : [['here', learnClusterState(detector, weights, traces)] as const];
      const scorer = new SyscallScorer({ detector, weights, clusters: new Map(state) });
      const [score] = scorer.score([judged]);
      scorer.close();
      return score as number;
    };

    it('counts from 0 while it learns, and from what is usual here after ten', () => {
      const state = (count: number) => learnClusterState(detector, weights, own(count)).calibrations;
      expect(calibrationTracesMin).toBe(10);
      expect(state(9).size).toBe(0);
      expect(state(10).get(classes.idOf('web'))?.traces).toBe(10);
      const judged = trace('web', 30, 31, 32);
      const calibration = state(10).get(classes.idOf('web'));
      expect(scoresWith(own(9), judged)).toBeGreaterThan(0);
      expect(scoresWith(own(10), judged)).toBeLessThan(scoresWith(own(9), judged) - 0.5 * (calibration?.median ?? 0));
    });

    it('explains by the company of calls where the model has a view of sets, and only what is unusual in it', () => {
      const { weights: known } = detector.train(detector.init(1), own(30), { seed: 1, steps: 0 });
      const examples = own(30).map(({ service, calls }) => ({ workload: service, calls }));
      const judge = TraceJudge.open(detector, known, examples);
      const explained = (calls: Uint16Array) => judge.explain({ workload: 'web', calls });
      const odd = explained(trace('web', 30, 31, 32, 200).calls);
      const usual = explained(trace('web', 30, 31, 32, 40, 31).calls);
      const seen = explained(own(1)[0]?.calls as Uint16Array);
      judge.close();
      if (name === 'gram-table') return expect([odd.detail.set, odd.detail.runs]).toEqual([undefined, undefined]);
      const foreign = { name: nameOfCallId(200), left: 1 };
      expect(odd.detail.set).toMatchObject({ calls: expect.arrayContaining([foreign]) });
      expect(odd.text).toContain(`least explained by the others: ${nameOfCallId(200)} (1.00)`);
      expect(usual.text).not.toContain('calls in odd company');
      const names = [30, 31, 32, 200].map(nameOfCallId);
      expect(odd.detail.runs).toEqual({ length: 4, distinct: 7, fresh: 4, first: { position: 3, names } });
      expect(odd.text).toContain(
        `runs of 4 calls that nobody did before: 4 of 7; the first ends at 3: ${names.join(' ')}`,
      );
      expect(seen.detail.runs).toBeUndefined();
      return undefined;
    });

    it('says so, and says when the federated model has no say', () => {
      const loops = Array.from({ length: 30 }, (_, at) => ({
        service: 'web',
        calls: Uint16Array.from({ length: 40 + at }, (_, place) => 30 + (place % 3)),
      }));
      const remarks = (count: number, flat: Float32Array) => {
        const examples = loops.slice(0, count).map(({ service, calls }) => ({ workload: service, calls }));
        const judge = TraceJudge.open(detector, flat, examples);
        const said = judge.remarks();
        judge.close();
        return said;
      };
      expect(remarks(9, weights)).toEqual(['web is learning: 9 of 10 normal traces that a calibration takes']);
      const known = detector.train(detector.init(1), loops, { seed: 1, steps: 0 }).weights;
      expect(remarks(30, known)).toEqual([]);
      expect(remarks(30, detector.init(1))).toEqual([
        "the federated model has no say on web: it finds the cluster's normal traces strange",
      ]);
    });

    it('finds what neither its past nor the federation knows above what its past knows', () => {
      const known = scoresWith(own(20));
      const strange = scoresWith(own(20), trace('web', 60, 61, 62, 63));
      expect(strange).toBeGreaterThan(known + 1);
    });

    it('is learnt in turns of the event loop as it is at once', async () => {
      const examples = own(40).map(({ service, calls }) => ({ workload: service, calls }));
      const strange = { workload: 'web', calls: Uint16Array.of(60, 61, 62) };
      const judged = [...examples, strange];
      const now = TraceJudge.open(detector, weights, examples);
      let turns = 0;
      let done = false;
      const spin = () => {
        turns += 1;
        if (!done) setImmediate(spin);
      };
      setImmediate(spin);
      const inTurns = await TraceJudge.openInTurns(detector, weights, examples);
      done = true;
      // Forty traces are learnt, and looked at once more.
      expect(turns).toBeGreaterThan(10);
      expect(inTurns.score(judged)).toEqual(now.score(judged));
      expect(inTurns.explain(strange)).toEqual(now.explain(strange));
    });
  },
);
