import type { TrustedLoss } from './trusted-loss.ts';

/** Helper of tests: one linear output an example, `value` wanted; loss of a class is its mean of ½ (z − value)². */
export type SquaresExample = Readonly<{ class: string; features: readonly number[]; value: number }>;

/** `only`: how much of itself the loss shows, so that both ways of minimising it can be held against each other. */
export function leastSquares(examples: readonly SquaresExample[], only?: 'linear' | 'gradient'): TrustedLoss {
  const covered = [...new Set(examples.map((example) => example.class))];
  const weightOf = examples.map((example) => {
    const alike = examples.filter((other) => other.class === example.class).length;
    return 1 / (covered.length * alike);
  });
  const outputsOf = (values: ArrayLike<number>) =>
    Float64Array.from(examples, ({ features }) => features.reduce((sum, x, j) => sum + x * (values[j] as number), 0));
  const lossOf = (outputs: Float64Array) => {
    const errors = outputs.map((z, k) => z - (examples[k] as SquaresExample).value);
    const loss = errors.reduce((sum, error, k) => sum + 0.5 * (weightOf[k] as number) * error * error, 0);
    return { loss, gradient: errors.map((error, k) => (weightOf[k] as number) * error) };
  };
  const gradient = async (weights: Float32Array) => {
    const { loss, gradient: byOutput } = lossOf(outputsOf(weights));
    const back = new Float32Array(weights.length).map((_, j) =>
      examples.reduce((sum, { features }, k) => sum + (features[j] as number) * (byOutput[k] as number), 0),
    );
    return { loss, gradient: back };
  };
  const losses = async (weights: Float32Array) => {
    const outputs = outputsOf(weights);
    return Float64Array.from(covered, (name) => {
      const squares = examples.flatMap((example, k) =>
        example.class === name ? [0.5 * ((outputs[k] as number) - example.value) ** 2] : [],
      );
      return squares.reduce((sum, square) => sum + square, 0) / squares.length;
    });
  };
  // Every feature that some example has: in the span of axis-aligned examples.
  const seen = (examples[0]?.features ?? []).map((_, j) => examples.some(({ features }) => features[j] !== 0));
  const inside = (update: Float32Array) => update.map((value, j) => (seen[j] ? value : 0));
  return {
    covered,
    losses,
    ...(only !== 'linear' && { gradient }),
    ...(only !== 'gradient' && { linear: { outputsOf, lossOf, inside } }),
  };
}
