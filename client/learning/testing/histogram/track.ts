import { ok, type Result } from '../../../../base/fault.ts';
import { seededStream, shuffled } from '../../../../base/random.ts';
import { layoutOf } from '../../../../proto/layout.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Learner } from '../../../tracks/learner.ts';
import type { Example } from '../../../tracks/syscall/traces/example.ts';
import type { AssembledTrace } from '../../../tracks/syscall/traces/trace-assembler.ts';
import { trackKind as syscall } from '../../../tracks/syscall/track.ts';
import type { TrackKind } from '../../../tracks/track-kind.ts';

/**
 * The smallest real learner: its weights move towards the share of each call in what it sees. Loss: half the squared
 * distance. For tests of everything around a learner: the call with id 65,535 makes it diverge, and the architecture
 * "crash/1" ends the process as a fault in native code would.
 */
async function openLearner(spec: ModelSpec, base: Float32Array): Promise<Result<Learner<Example[], Example>, never>> {
  if (spec.architecture === 'crash/1') process.kill(process.pid, 'SIGKILL');
  const size = layoutOf(spec).length;
  const weights = base.slice();
  return ok({
    *batches(examples, batchSize, seed) {
      const order = shuffled(examples, seededStream(seed, 'histogram'));
      for (let start = 0; start < order.length; start += batchSize) yield order.slice(start, start + batchSize);
    },
    step(batch, { learningRate, proximal = 0, clipNorm }) {
      const share = new Float64Array(size);
      const calls = batch.flatMap((example) => [...example.calls]);
      for (const call of calls) {
        if (call === 65_535) return Number.NaN;
        share[call % size] = (share[call % size] ?? 0) + 1 / calls.length;
      }
      const gradient = weights.map((value, at) => value - (share[at] ?? 0) + proximal * (value - (base[at] ?? 0)));
      const length = Math.hypot(...gradient);
      const factor = clipNorm !== undefined && length > clipNorm ? clipNorm / length : 1;
      let loss = 0;
      for (let at = 0; at < size; at += 1) {
        loss += ((weights[at] ?? 0) - (share[at] ?? 0)) ** 2 / 2;
        weights[at] = (weights[at] ?? 0) - learningRate * factor * (gradient[at] ?? 0);
      }
      return loss;
    },
    weights: () => weights.slice(),
    close: () => undefined,
  });
}

/** Traces as the syscall track takes them, learnt by the histogram alone. */
export const trackKind: TrackKind<AssembledTrace, Example> = {
  ...syscall,
  architectures: ['histogram/1', 'crash/1'],
  openLearner,
  openScorer: () => Promise.reject(new RangeError('the histogram judges nothing')),
};
