/** What days came to. */
export type Sum = Readonly<{
  seeds: number;
  broken: number;
  acts: number;
  candidates: number;
  /** How often each kind of deed came to pass. */
  done: Readonly<Record<string, number>>;
}>;

export const nothing: Sum = { seeds: 0, broken: 0, acts: 0, candidates: 0, done: {} };

export function added(one: Sum, other: Sum): Sum {
  const done = { ...one.done };
  for (const [kind, count] of Object.entries(other.done)) done[kind] = (done[kind] ?? 0) + count;
  return {
    seeds: one.seeds + other.seeds,
    broken: one.broken + other.broken,
    acts: one.acts + other.acts,
    candidates: one.candidates + other.candidates,
    done,
  };
}
