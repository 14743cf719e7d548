import { padId } from '../../../events/vocabulary.ts';

/** How traces are cut for the models that read windows. */
export type WindowShape = Readonly<{
  /** Calls in a window. */
  length: number;
  /** Calls between the starts of two windows. */
  stride: number;
}>;

/**
 * Where the windows of a trace begin: every `stride` calls, and one last that ends with the trace, so that each call is
 * in a window. A trace shorter than a window has one that begins at 0 and is padded at its end; an empty one has none.
 */
export function windowStarts(callCount: number, { length, stride }: WindowShape): Uint32Array {
  if (callCount === 0) return new Uint32Array(0);
  const last = Math.max(callCount - length, 0);
  const regular = Math.ceil(last / stride);
  const starts = new Uint32Array(regular + 1);
  for (let index = 0; index < regular; index++) starts[index] = index * stride;
  starts[regular] = last;
  return starts;
}

/** Copies the window of `calls` that begins at `start` into `into` at `offset`; what lies outside the trace is padding. */
export function copyWindow(
  calls: Uint16Array,
  start: number,
  length: number,
  into: Int32Array | Uint16Array,
  offset: number,
): void {
  for (let place = 0; place < length; place++) into[offset + place] = calls[start + place] ?? padId;
}

/** A window as a map key: its ids as UTF-16 units. It may begin before the trace; what lies outside is padding. */
export function windowKey(calls: Uint16Array, start: number, length: number): string {
  const inside = calls.subarray(Math.max(start, 0), Math.max(start + length, 0));
  const key = String.fromCharCode.apply(undefined, inside as unknown as number[]);
  if (inside.length === length) return key;
  const pad = String.fromCharCode(padId);
  const before = Math.min(Math.max(-start, 0), length);
  return pad.repeat(before) + key + pad.repeat(length - before - inside.length);
}
