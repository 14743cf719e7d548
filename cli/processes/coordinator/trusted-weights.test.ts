import { expect, it } from 'vitest';
import { isBenign } from '../../../client/events/trace.ts';
import { deltaOf } from '../../../client/learning/delta.ts';
import { languageModelDetector } from '../../../client/tracks/syscall/language-model/language-model-detector.ts';
import { languageModelSpec } from '../../../client/tracks/syscall/language-model/language-model-spec.ts';
import { WorkloadClasses } from '../../../client/tracks/syscall/traces/workload-classes.ts';
import { clusters, operator, track } from '../../../coordinator/testing/small-federation.ts';
import { participationView } from '../../../coordinator/views/participation.ts';
import { recordedSample } from '../../../lab/data/recorded-sample.ts';
import { readAll, recordedPath } from '../../../lab/data/recorded-traces.ts';
import { parseRoundId } from '../../../proto/ids.ts';
import { classes, sampledRound } from './testing/sampled-round.ts';

const sizes = { embedding: 8, classEmbedding: 4, hidden: 8, warmUp: 4, predicted: 8 };
const spec = languageModelSpec(new WorkloadClasses(classes), sizes);

it('gives a network that ascends the sample’s loss no weight, says how the loss lies, and computes it again to the bit', async () => {
  const detector = languageModelDetector(spec);
  const rule = { kind: 'trustedWeights', rho: 0.05, clip: 1.5, split: false, stepsMax: 10, blind: 'shares' } as const;
  const normal = (await readAll(recordedPath)).filter(
    (trace) => trace.split === 'train' && isBenign(trace) && classes.includes(trace.service),
  );
  const liars = clusters.slice(0, 2); // Two of five: no rule that sees updates alone withstands so many with n < 2f + 3.
  const { engine, round, fates, provenance } = await sampledRound({
    spec,
    aggregation: { f: 2, rule },
    more: { keepInputs: { rounds: 1, hours: 1 } },
    sample: await recordedSample(classes),
    update({ modelBytes }, cluster) {
      const at = clusters.indexOf(cluster);
      const base = new Float32Array(modelBytes / 4); // The first model is all zeros.
      const own = normal.filter((_, index) => index % clusters.length === at);
      const honest = deltaOf(detector.train(base, own, { seed: at, steps: 6, learningRate: 0.05 }).weights, base);
      return { delta: liars.includes(cluster) ? honest.map((value) => -3 * value) : honest };
    },
  });
  expect(provenance.onSample?.lossAfter).toBeLessThan((provenance.onSample?.lossBefore ?? 0) - 0.3);
  for (const part of participationView(round, fates)) {
    const isLiar = liars.some((liar) => liar === part.cluster);
    expect({ ...part, share: isLiar ? part.share : Number(part.share) > 0.1 }).toMatchObject(
      isLiar ? { fate: 'leftOut', code: 'HARMS_SAMPLE', share: 0 } : { fate: 'selected', share: true },
    );
    if (isLiar) expect(part.onSample?.slope).toBeGreaterThan(0);
    expect(part.reason).toMatch(isLiar ? /the trusted sample's loss rises by/ : /takes part with \d/);
  }
  const replay = await engine.replayRound(operator, { track, round: parseRoundId('r-1'), reason: 'test' });
  expect(replay).toMatchObject({ value: { same: true } });
});
