import { congruentialStates } from '../../base/random.ts';

/** The states of ../shared/bench/peers/lcg.py's recurrence from its default seed, 7: the same ids on both sides. */
export function seededStates(count: number): Int32Array {
  const states = new Int32Array(count);
  const next = congruentialStates(7);
  for (let at = 0; at < count; at++) states[at] = next();
  return states;
}
