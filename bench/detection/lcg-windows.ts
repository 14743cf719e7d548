/** The states of ../shared/bench/peers/lcg.py's recurrence from its default seed, 7: the same ids on both sides. */
export function seededStates(count: number): Int32Array {
  const states = new Int32Array(count);
  let state = 7;
  for (let at = 0; at < count; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    states[at] = state;
  }
  return states;
}
