import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Observed, OpenDetector } from '../../detector.ts';
import { areaUnderRoc } from '../../metrics.ts';
import type { SampleContent, SampleLoss } from '../../track-kind.ts';
import { openDetector } from '../architectures.ts';
import { rawTraceScore } from '../scoring/trace-score.ts';
import { type Example, observed } from '../traces/example.ts';

/**
 * What a model of the syscall track loses on a trusted sample, for each class that it holds normal traces of; undefined for
 * an architecture that cannot tell. Networks are judged by what they are trained for, since it has a gradient; tables by what they are for.
 */
export async function openSampleLoss(
  spec: ModelSpec,
  content: SampleContent<Example>,
  base: Float32Array,
): Promise<SampleLoss | undefined> {
  switch (spec.architecture) {
    case 'syscall-lstm-lm/1': {
      const { languageModelLoss } = await import('./language-model-loss.ts');
      return languageModelLoss(spec, content);
    }
    case 'syscall-gram-table/2': {
      const [{ trainClassTable }, { attackSlots }] = await Promise.all([
        import('../gram-table/class-table.ts'),
        import('../gram-table/attack-slots.ts'),
      ]);
      const [normal, attacks] = [content.normal.map(observed), content.attacks.map(observed)];
      const { weights } = trainClassTable(spec, normal);
      return {
        ...(await tellingApart(spec, content)),
        attacksOnly: attackSlots(spec, normal, attacks),
        reference: weights.map((w, slot) => w - (base[slot] as number)),
      };
    }
    case 'syscall-gram-table/1':
    case 'syscall-two-views/1':
      return tellingApart(spec, content);
    default:
      return undefined;
  }
}

/**
 * How badly a model tells the attacks on a class from its normal traces: mean of ln(1 + exp(normal − attack)) over all pairs of
 * trace scores, a smooth count of those in wrong order; plus what it costs when one normal trace looks like every attack, since
 * what few traces tell apart is no better known than that, and losses are compared by their ratio. Where the sample has no
 * attack on a class, the mean score of its normal traces: what the model fails to know of them.
 */
async function tellingApart(spec: ModelSpec, content: SampleContent<Example>): Promise<SampleLoss> {
  const detector = await openDetector(spec);
  const covered = content.classes.flatMap(({ name, normalCount }) => (normalCount > 0 ? [name] : []));
  const of = (some: readonly Example[]) =>
    covered.map((name) => some.filter(({ workload }) => workload === name).map(observed));
  const normal = of(content.normal);
  const attacks = of(content.attacks);
  /** What `of` makes of the scores of each class. */
  const byClass = (weights: Float32Array, of: (normal: readonly number[], attacks: readonly number[]) => number) => {
    const opened = detector.open(weights);
    try {
      return Float64Array.from(covered, (_, at) =>
        of(scoresOf(opened, normal[at] ?? []), scoresOf(opened, attacks[at] ?? [])),
      );
    } finally {
      opened.close();
    }
  };
  return {
    covered,
    losses: async (weights) => byClass(weights, pairLoss),
    async worth(weights) {
      const areas = byClass(weights, areaUnderRoc).filter((area) => !Number.isNaN(area));
      return areas.reduce((sum, area) => sum + area, 0) / areas.length;
    },
    close() {},
  };
}

function scoresOf(opened: OpenDetector, traces: readonly Observed[]): number[] {
  return opened
    .surprisal(traces)
    .map((surprisal, at) =>
      rawTraceScore({ surprisal, setDistance: opened.setDistance?.(traces[at] as Observed) }, undefined),
    );
}

function pairLoss(normal: readonly number[], attacks: readonly number[]): number {
  if (attacks.length === 0) return normal.reduce((sum, score) => sum + score, 0) / normal.length;
  let sum = 0;
  for (const usual of normal) for (const attack of attacks) sum += Math.log1p(Math.exp(usual - attack));
  return sum / (normal.length * attacks.length) + Math.LN2 / normal.length;
}
