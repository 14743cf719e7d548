/**
 * A trusted sample as aggregation sees it: what weights lose on it, class by class. Whoever aggregates hands it in;
 * aggregation knows no detector and no trace.
 */
export interface TrustedLoss {
  /** Names of the classes that the sample holds examples of, in the order of `losses`. Of all others it says nothing. */
  readonly covered: readonly string[];
  /**
   * Mean loss of each covered class under weights of shape [d], float64, never negative. What is minimised is the mean of
   * these: every class counts the same, however many examples it has. The same for the same weights, to the bit, or a
   * replay of the round differs.
   */
  losses(weights: Float32Array): Promise<Float64Array>;
  /** The mean of `losses` and its gradient, shape [d]. Absent where a detector cannot tell. */
  readonly gradient?: LossGradient;
  /**
   * Of detectors whose `losses` are of normal work alone: how badly weights tell the sample's attacks from it, and its gradient:
   * mean of ln(1 + exp(normal − attack)) over scores, ln 2 where both score alike.
   * Absent where the sample holds no attack, and where `losses` know of attacks themselves.
   */
  readonly attacks?: LossGradient;
  /**
   * How well weights, shape [d], tell the sample's attacks from what is normal: area under the ROC curve, 0 to 1, the mean of the
   * classes that have both; NaN where none has. Decides nothing: it is for people. Absent where a detector cannot tell.
   */
  readonly worth?: (weights: Float32Array) => Promise<number>;
  /**
   * Of detectors that count: 1 at the coordinates where the sample's attacks leave evidence and nothing normal that it holds does,
   * else 0; shape [d]. Absent where a detector cannot tell.
   */
  readonly attacksOnly?: Uint8Array;
  /** For models whose outputs are linear in their weights: forward passes are then all that deciding takes. */
  readonly linear?: LinearOutputs;
}

/** What `attacks` is where every attack scores as normal work does. */
export const noBetterThanChance = Math.LN2;

/** A loss, never negative, and its gradient, at weights of shape [d]; the gradient has that shape too. */
export type LossGradient = (weights: Float32Array) => Promise<Readonly<{ loss: number; gradient: Float32Array }>>;

/** L(w) = ℓ(z(w)) with z linear in w and ℓ convex. Outputs have shape [k]: logits of every example, say. */
export interface LinearOutputs {
  /** z(values), values of shape [d]: weights or an update, for z is linear. Shape [k], of its own: the values are written over. */
  outputsOf(values: Float32Array): Float64Array;
  /** ℓ of outputs, and its gradient by them, shape [k]. */
  lossOf(outputs: Float64Array): Readonly<{ loss: number; gradient: Float64Array }>;
  /** The part of an update, shape [d], that changes outputs on the sample: what lies in the span of its features. */
  inside(update: Float32Array): Float32Array;
}

/** `reference`: what the same training makes of the sample alone, as an update from the same base; FLTrust compares with it. */
export type TrustedSample = Readonly<{ loss: TrustedLoss; reference?: Float32Array }>;
