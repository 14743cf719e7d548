import { seededRandom, shuffled } from '../../base/random.ts';

/** One's own examples and so many of the sample's that they are `mix` of all (0 to 0.9): drawn by the seed, repeated where there are too few. */
export function withSample<Example>(
  own: readonly Example[],
  sample: readonly Example[],
  { mix, seed }: Readonly<{ mix: number; seed: number }>,
): readonly Example[] {
  if (mix === 0 || sample.length === 0) return own;
  const wanted = Math.max(1, Math.round((own.length * mix) / (1 - mix)));
  const order = shuffled(sample, seededRandom(seed));
  return [...own, ...Array.from({ length: wanted }, (_, at) => order[at % order.length] as Example)];
}
