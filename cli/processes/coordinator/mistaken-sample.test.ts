import { expect, it } from 'vitest';
import { aggregate } from '../../../aggregation/aggregate.ts';
import { twinAlgebra } from '../../../aggregation/algebra/twin-algebra.ts';
import { doubtRaised } from '../../../aggregation/attacks/doubt-raised.ts';
import { memoryBlocks, memorySink } from '../../../aggregation/blocks/blocks.ts';
import { defaultPolicy, type Rule } from '../../../aggregation/policy.ts';
import { unwrap } from '../../../base/fault.ts';
import { isBenign, type Trace } from '../../../client/events/trace.ts';
import { deltaOf } from '../../../client/learning/delta.ts';
import { areaUnderRoc } from '../../../client/tracks/metrics.ts';
import { languageModelDetector } from '../../../client/tracks/syscall/language-model/language-model-detector.ts';
import { languageModelSpec } from '../../../client/tracks/syscall/language-model/language-model-spec.ts';
import { rawTraceScore } from '../../../client/tracks/syscall/scoring/trace-score.ts';
import type { Example } from '../../../client/tracks/syscall/traces/example.ts';
import { WorkloadClasses } from '../../../client/tracks/syscall/traces/workload-classes.ts';
import { openSampleLoss } from '../../../client/tracks/syscall/trusted/sample-loss.ts';
import type { SampleContent } from '../../../client/tracks/track-kind.ts';
import { readAll, recordedPath } from '../../../lab/data/recorded-traces.ts';

const sizes = { embedding: 8, classEmbedding: 4, hidden: 8, warmUp: 4, predicted: 8 };
const [rounds, perClass] = [4, 10];

const recorded = await readAll(recordedPath);
const example = ({ service, calls }: Trace): Example => ({ workload: service, calls });

/** A track of so many classes, a sample of their normal work that calls other traces of it attacks, and one that knows what they are. */
function trackOf(classes: readonly string[]) {
  const spec = languageModelSpec(new WorkloadClasses(classes), sizes);
  const traces = recorded.filter(({ service }) => classes.includes(service));
  const normal = traces.filter((trace) => isBenign(trace) && trace.split === 'train');
  const judged = traces.filter((trace) => (isBenign(trace) ? trace.split === 'validation' : true));
  const ofEach = (some: readonly Trace[], from: number) =>
    classes.flatMap((name) => some.filter(({ service }) => service === name).slice(from, from + perClass));
  const sampleOf = (attacks: readonly Trace[]): SampleContent<Example> => ({
    normal: ofEach(normal, 0).map(example),
    attacks: attacks.map(example),
    classes: classes.map((name) => ({ name, normalCount: perClass, attackCount: perClass })),
  });
  const hostile = traces.filter((trace) => !isBenign(trace));
  return { spec, normal, judged, mistaken: sampleOf(ofEach(normal, perClass)), right: sampleOf(ofEach(hostile, 0)) };
}

type How = Readonly<{ tellApart: boolean; doubtSample?: boolean | 'mostClusters' }>;
type Setting = Readonly<{ content?: SampleContent<Example>; honestCount?: number; liars?: number; steps?: number }>;

/**
 * What honest clusters learn in a few rounds, beside liars who raise doubt about the sample: how normal work that nobody showed the sample
 * scores, and how it is told from attacks.
 */
async function learnt(
  { spec, normal, judged, mistaken }: ReturnType<typeof trackOf>,
  how: How,
  { content = mistaken, honestCount = 4, liars: f = 0, steps = 8 }: Setting = {},
) {
  const detector = languageModelDetector(spec);
  const first = detector.init(1);
  const loss = await openSampleLoss(spec, content, first);
  const { attacks, gradient } = loss ?? {};
  if (!loss || !attacks || !gradient) throw new Error('a language model has losses on a sample, with gradients');
  const base = defaultPolicy(Math.max(1, f), { sample: true });
  let weights = first;
  for (let round = 1; round <= rounds; round++) {
    const honest = Array.from({ length: honestCount }, (_, at) => {
      const own = normal.filter((_, index) => index % honestCount === at);
      const trained = detector.train(weights, own, { seed: 10 * round + at, steps, learningRate: 0.03 });
      return deltaOf(trained.weights, weights);
    });
    const modelOf = async (sent: readonly Float32Array[], by: How) => {
      const sink = memorySink(weights.length);
      const context = { base: weights, trusted: { loss }, measure: false };
      const policy = { ...base, rule: { ...base.rule, stepsMax: 10, ...by } as Rule };
      unwrap(await aggregate(policy, unwrap(memoryBlocks([...sent, ...honest])), twinAlgebra(), sink, context));
      return weights.map((value, at) => value + (sink.values[at] as number));
    };
    const attacksOf = async (sent: readonly Float32Array[]) =>
      (await attacks(await modelOf(sent, { tellApart: false }))).loss;
    const scene = { honest, f, seed: `${round}`, base: weights, attacks, normal: gradient, attacksOf };
    weights = await modelOf(f === 0 ? [] : await doubtRaised(scene), how);
  }
  loss.close();
  const opened = detector.open(weights);
  const scoresOf = (some: readonly Trace[]) =>
    opened.surprisal(some).map((surprisal) => rawTraceScore({ surprisal }, undefined));
  const [usual, hostile] = [scoresOf(judged.filter(isBenign)), scoresOf(judged.filter((trace) => !isBenign(trace)))];
  opened.close();
  return { usual: usual.reduce((sum, score) => sum + score, 0) / usual.length, area: areaUnderRoc(usual, hostile) };
}

it('a sample that calls normal work an attack does not wreck the network within the bounds, where it is not doubted', async () => {
  const track = trackOf(['nginx', 'redis']);
  const plain = await learnt(track, { tellApart: false });
  const misled = await learnt(track, { tellApart: true, doubtSample: false });
  expect(misled.usual).toBeLessThan(1.25 * plain.usual);
  expect(misled.area).toBeGreaterThan(plain.area - 0.02);
});

it('moves nothing by a sample that calls normal work an attack, which would wreck a network of other classes', async () => {
  const track = trackOf(['php', 'gunicorn']);
  expect(await learnt(track, { tellApart: true })).toEqual(await learnt(track, { tellApart: false }));
});

it('tells attacks apart although two of five raise doubt about the sample, which would otherwise be doubted round after round', async () => {
  const track = trackOf(['sshd', 'postgres']);
  const slow = { content: track.right, honestCount: 3, liars: 2, steps: 2 };
  const doubting = await learnt(track, { tellApart: true, doubtSample: true }, slow);
  const most = await learnt(track, { tellApart: true, doubtSample: 'mostClusters' }, slow);
  expect(most.area).toBeGreaterThan(doubting.area + 0.2);
});
