/**
 * How much later something is told: at once, some turns of the event loop later, or some milliseconds later. Drawn from a
 * seed, by a stream of its own for each kind of operation: what one kind does not do shifts no other.
 */
import { threadId } from 'node:worker_threads';
import { type Random, seededStream } from '../../../base/random.ts';

// As they are now: a test may put others in their place.
const { setImmediate, setTimeout } = globalThis;

/** Calls `act` now or later. Later calls of one kind may come first. */
export type Later = (kind: string, act: () => void) => void;

/** Of a thousand operations of a kind, how many wait. One seed lets reads lag behind and the next writes. */
const sharesOfLate = [0.1, 0.4, 0.8] as const;
/** Of those that wait: the rest waits for turns of the loop. */
const shareOfMilliseconds = 0.06;
const turnsMax = 12;
const millisecondsMax = 9;

/** `place` tells the streams of test files apart that share a process. */
export function delaysOf(seed: string, place: string): Later {
  const streams = new Map<string, Random>();
  const shares = new Map<string, number>();
  return (kind, act) => {
    const random = known(streams, kind, () => seededStream(0, `weather ${seed} ${place} ${threadId} ${kind}`));
    const late = known(shares, kind, () => sharesOfLate[Math.floor(random() * sharesOfLate.length)] ?? 0);
    if (random() >= late) act();
    else if (random() < shareOfMilliseconds) setTimeout(act, 1 + Math.floor(random() * millisecondsMax));
    // Few turns more often than many: most races are of neighbours.
    else afterTurns(1 + Math.floor(random() ** 2 * turnsMax), act);
  };
}

function afterTurns(turns: number, act: () => void): void {
  if (turns === 0) act();
  else setImmediate(() => afterTurns(turns - 1, act));
}

function known<Value>(map: Map<string, Value>, name: string, make: () => Value): Value {
  let value = map.get(name);
  if (value === undefined) {
    value = make();
    map.set(name, value);
  }
  return value;
}
