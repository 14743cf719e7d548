import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import type { Layout } from '../../../proto/layout.ts';

/** The tensors of a model by name. Whoever holds them runs inside a tidy that frees them. */
export type Parameters = Readonly<Record<string, Tensor>>;

/** Flat weights, shape [layout.length], as named tensors: one split and one reshape each, differentiable. */
export function parametersOf(layout: Layout, flat: Tensor1D): Parameters {
  const pieces = tf.split(
    flat,
    layout.slots.map((slot) => slot.length),
  );
  return Object.fromEntries(
    layout.slots.map((slot, index) => [slot.name, tf.reshape(pieces[index] as Tensor1D, [...slot.shape])]),
  );
}

/** The named tensor; throws when the model's code and its spec disagree. */
export function parameter<Shaped extends Tensor>(parameters: Parameters, name: string): Shaped {
  const found = parameters[name];
  if (found === undefined) throw new Error(`the model spec has no tensor ${name}; its code needs one`);
  return found as Shaped;
}
