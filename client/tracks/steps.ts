import { turn } from './place-scores.ts';

/** Long work that may be interrupted after each step. */
export type Steps<Value> = Generator<undefined, Value, undefined>;

/** Steps between two turns of the event loop: a few milliseconds. */
const stepsPerTurn = 4;

/** Does it all now. */
export function atOnce<Value>(steps: Steps<Value>): Value {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Does it while the event loop goes on: for threads that others wait for. */
export async function inTurns<Value>(steps: Steps<Value>): Promise<Value> {
  for (let taken = 1; ; taken++) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (taken % stepsPerTurn === 0) await turn();
  }
}
