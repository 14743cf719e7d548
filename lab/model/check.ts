/** What may happen: states are plain data, and equal states have equal JSON. */
export type Model<State> = Readonly<{
  initial: State;
  /** Every state that one action leads to, with the action's name and whose it is. */
  steps(state: State): Iterable<readonly [action: string, next: State]>;
  /** What must hold in every state. */
  invariants: Readonly<Record<string, (state: State) => boolean>>;
}>;

export type Checked = Readonly<{
  /** Distinct states that were looked at. */
  states: number;
  /** Actions on the longest of the shortest ways to a state. */
  depth: number;
  /** Whether no state was left out for lying deeper than `depthMax`. */
  isWhole: boolean;
  /** The first invariant that does not hold, and a shortest way there. */
  broken: Readonly<{ invariant: string; actions: readonly string[] }> | undefined;
}>;

/** Looks at every state within so many actions, nearest first: what is found is found by a shortest way. */
export function check<State>({ initial, steps, invariants }: Model<State>, depthMax: number): Checked {
  const first = JSON.stringify(initial);
  /** By state, the state before it and the action in between. */
  const ways = new Map<string, readonly [before: string, action: string] | undefined>([[first, undefined]]);
  let reached: readonly string[] = [first];
  const brokenIn = (key: string) => {
    const state = JSON.parse(key) as State;
    const invariant = Object.keys(invariants).find((name) => invariants[name]?.(state) === false);
    return invariant === undefined ? undefined : { invariant, actions: actionsTo(key, ways) };
  };
  const answer = (depth: number, isWhole: boolean, broken: Checked['broken']) => ({
    states: ways.size,
    depth,
    isWhole,
    broken,
  });
  const atFirst = brokenIn(first);
  if (atFirst !== undefined) return answer(0, false, atFirst);
  for (let depth = 1; depth <= depthMax; depth++) {
    const next: string[] = [];
    for (const before of reached) {
      for (const [action, state] of steps(JSON.parse(before) as State)) {
        const key = JSON.stringify(state);
        if (ways.has(key)) continue;
        ways.set(key, [before, action]);
        next.push(key);
        const broken = brokenIn(key);
        if (broken !== undefined) return answer(depth, false, broken);
      }
    }
    if (next.length === 0) return answer(depth - 1, true, undefined);
    reached = next;
  }
  return answer(depthMax, false, undefined);
}

function actionsTo(key: string, ways: ReadonlyMap<string, readonly [string, string] | undefined>): string[] {
  const actions: string[] = [];
  for (let way = ways.get(key); way !== undefined; way = ways.get(way[0])) actions.unshift(way[1]);
  return actions;
}
