import { describe, expect, it } from 'vitest';
import { callIdOfName } from '../../../events/vocabulary.ts';
import type { Observed } from '../../detector.ts';
import { syscallDetector } from '../detectors.ts';
import { learnClusterState, SyscallScorer } from '../scoring/scoring.ts';
import { CallWeights } from './call-weights.ts';
import { WorkloadClasses } from './workload-classes.ts';

const [read, write, mmap, ptrace] = ['read', 'write', 'mmap', 'ptrace'].map(callIdOfName) as [
  number,
  number,
  number,
  number,
];
const classes = new WorkloadClasses(['web', 'db']);
const web = (...calls: number[]): Observed => ({ service: 'web', calls: Uint16Array.from(calls) });
const id = classes.idOf('web');

describe('CallWeights', () => {
  const weights = new CallWeights(classes, [web(read, read, write), web(read, write), web(read, mmap)]);

  it('are ln((1 + N) / (1 + n)) + 1 over the traces of the class', () => {
    const expected = [4 / 4, 4 / 3, 4 / 2, 4 / 1].map((ratio) => expect.closeTo(Math.log(ratio) + 1, 5));
    expect([...weights.of(Uint16Array.of(read, write, mmap, ptrace), id)]).toEqual(expected);
    expect([...weights.of(Uint16Array.of(read, ptrace), classes.idOf('db'))]).toEqual([1, 1]);
  });

  it('leave a learnt trace out as if it had never been', () => {
    const calls = Uint16Array.of(read, mmap);
    const others = new CallWeights(classes, [web(read, read, write), web(read, write)]);
    expect(weights.without(calls, id)).toEqual(others.of(calls, id));
  });
});

it('scores few rare calls among many usual ones further from normal than without the weights', () => {
  const detector = syscallDetector('gram-table', classes);
  const loop = (length: number) => web(...Array.from({ length }, (_, at) => [read, write][at % 2] as number));
  const normal = Array.from({ length: 12 }, (_, at) => loop(60 + 2 * at));
  const { weights } = detector.train(detector.init(1), normal, { seed: 1, steps: 0 });
  const hidden = web(...loop(200).calls, ptrace, ptrace, ...loop(200).calls);
  const judged = (...callWeights: ['none' | 'tfidf'] | []) => {
    const clusters = new Map([['here', learnClusterState(detector, weights, normal, ...callWeights)]]);
    const scorer = new SyscallScorer({ detector, weights, clusters });
    const scores = scorer.score([hidden, loop(70)].map((trace) => ({ ...trace, cluster: 'here' })));
    scorer.close();
    return scores as unknown as [number, number];
  };
  expect(judged('none')).toEqual(judged());
  const [plain, plainNormal] = judged('none');
  const [weighted, weightedNormal] = judged('tfidf');
  expect(weighted).toBeGreaterThan(plain * 1.1);
  expect(weightedNormal).toBeCloseTo(plainNormal, 6);
});
