import { digestOf } from '../../proto/digest.ts';
import { bytesOfValues } from '../../proto/layout.ts';

/**
 * What `judge` says of a model, shape [d], asked once of models that are equal to the bit, and the very same answer for all of them:
 * many attacks are kept out wholly, and leave the model that nobody attacked.
 */
export function onceAModel<Judged>(judge: (weights: Float32Array) => Judged): (weights: Float32Array) => Judged {
  const known = new Map<string, Judged>();
  return (weights) => {
    const model = digestOf(bytesOfValues(weights));
    if (!known.has(model)) known.set(model, judge(weights));
    return known.get(model) as Judged;
  };
}
