import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { schemaDigest } from '../../../proto/model-spec.ts';
import { argumentClasses, noArgumentClass, pathClass, portClass } from '../../events/argument-class.ts';
import { callIdOfName } from '../../events/vocabulary.ts';
import type { Detector, Observed } from '../detector.ts';
import { argumentBucket, argumentBucketCount, unseenArguments } from './language-model/argument-buckets.ts';
import { languageModelDetector } from './language-model/language-model-detector.ts';
import { languageModelLearner } from './language-model/language-model-learner.ts';
import { type LanguageModelSizes, languageModelSpec } from './language-model/language-model-spec.ts';
import { lightDetector, writeLightForm } from './light/light-forms.ts';
import { learnClusterState, SyscallScorer } from './scoring/scoring.ts';
import { WorkloadClasses } from './traces/workload-classes.ts';

const classes = new WorkloadClasses(['web']);
const sizes: LanguageModelSizes = { embedding: 8, classEmbedding: 4, hidden: 12, warmUp: 4, predicted: 6 };
const plain = languageModelDetector(languageModelSpec(classes, sizes));
const reading = languageModelDetector(languageModelSpec(classes, { ...sizes, argumentEmbedding: 4 }));
const loop = ['openat', 'read', 'connect', 'sendto', 'close'].map(callIdOfName);
const calls = Uint16Array.from({ length: 90 }, (_, at) => loop[at % 5] as number);

/** The same calls, opening one kind of path and connecting to one kind of port. */
function trace(path: string, port: number, of: Uint16Array = calls): Observed {
  const named = [pathClass(path), noArgumentClass, portClass(port), noArgumentClass, noArgumentClass];
  return { service: 'web', calls: of, argumentClasses: Uint16Array.from(of, (_, at) => named[at % 5] as number) };
}

const usual = Array.from({ length: 8 }, (_, at) => trace('/var/www/index.html', 443, calls.slice(0, 60 + 3 * at)));
const foreign = trace('/etc/shadow', 22);
const options = { seed: 3, steps: 150, batchSize: 8 };
let learntWeights: Float32Array | undefined;
/** The model with arguments after these steps: the same each time, and so learnt once. */
function learnt(): Float32Array {
  learntWeights ??= reading.train(reading.init(1), usual, options).weights;
  return learntWeights;
}

function scoresOf(detector: Detector, weights: Float32Array) {
  const here = learnClusterState(detector, weights, usual);
  const scorer = new SyscallScorer({ detector, weights, clusters: new Map([['here', here]]) });
  const all = [trace('/var/www/index.html', 443), foreign, { service: 'web', calls }];
  const scores = scorer.score(all.map((one) => ({ ...one, cluster: 'here' })));
  scorer.close();
  return scores;
}

describe('argument classes', () => {
  it('have rows of their own', () => {
    const rows = argumentClasses.map((_, id) => argumentBucket(id));
    expect(new Set(rows).size).toBe(argumentClasses.length);
    expect(Math.min(...rows)).toBeGreaterThan(unseenArguments);
    expect(Math.max(...rows)).toBeLessThan(argumentBucketCount);
    expect(argumentBucket(60_000)).toBe(unseenArguments);
  });
});

describe('the language model with arguments', () => {
  it('is another model, and leaves the digest of the one without as it was', () => {
    expect(schemaDigest(languageModelSpec(new WorkloadClasses(['web', 'db'])))).toBe(
      'sha256:44df3aedfa9f847013f55a34cfc46a46183f460a2f3360a8f56da18b79e299df',
    );
    expect(schemaDigest(reading.spec)).not.toBe(schemaDigest(plain.spec));
  });

  it('scores usual calls on unusual paths and ports higher; without arguments they score the same', () => {
    const [known, strange, unseen] = scoresOf(reading, learnt()) as unknown as [number, number, number];
    expect(strange).toBeGreaterThan(known + 1);
    // A source that shows no arguments is no alarm.
    expect(unseen).toBeLessThan(known + 0.5);
    const [before, same] = scoresOf(plain, plain.train(plain.init(1), usual, options).weights);
    expect(same).toBe(before);
  });

  it('puts the surprise on the calls whose arguments are foreign', () => {
    const opened = reading.open(learnt());
    const nats = opened.argumentSurprisal?.([foreign])[0] as Float32Array;
    opened.close();
    const at = (place: number) => nats[60 + place] as number;
    expect(Math.min(at(0), at(2))).toBeGreaterThan(3);
    expect(Math.max(at(1), at(3), at(4))).toBeLessThan(0.5);
  });

  it('learns in rounds what it learns by itself', () => {
    const learner = unwrap(languageModelLearner(reading.spec, reading.init(1)));
    const examples = usual.map(({ service, ...rest }) => ({ workload: service, ...rest })) as never;
    const losses: number[] = [];
    for (let epoch = 0; epoch < 40; epoch++) {
      for (const batch of learner.batches(examples, 8, epoch)) {
        losses.push(learner.step(batch, { learningRate: 0.01, clipNorm: 1 }));
      }
    }
    const [known, strange] = scoresOf(reading, learner.weights()) as unknown as [number, number];
    learner.close();
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 4);
    expect(strange).toBeGreaterThan(known + 1);
  });

  it('judges in its light form as by its weights', async () => {
    const weights = learnt();
    const light = await lightDetector(reading.spec, (await writeLightForm(reading.spec, weights)) as Uint8Array);
    const [whole, small] = [reading.open(weights), light.open(weights)];
    const traces = [foreign, { service: 'web', calls }];
    const apart = (a: Float32Array, b: Float32Array) =>
      a.reduce((sum, value, at) => sum + Math.abs(value - (b[at] as number)), 0) / a.length;
    for (const part of ['surprisal', 'argumentSurprisal'] as const) {
      const [one, other] = [whole[part]?.(traces), small[part]?.(traces)] as [Float32Array[], Float32Array[]];
      expect(apart(one[0] as Float32Array, other[0] as Float32Array)).toBeLessThan(0.15);
    }
    expect(small.argumentSurprisal?.(traces)[1]).toEqual(new Float32Array(calls.length));
    whole.close();
    small.close();
  });
});
