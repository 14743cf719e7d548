import { type Fault, refuse } from '../../base/fault.ts';

/** Directives that may come at once: all that is open is restated at the start of a stream. */
const burst = 512;
/** On average; a federation that holds rounds without a pause sends a few. */
const perSecond = 16;
/** One that makes no sense weighs as much as eight that do. */
const refusedWeight = 8;

/**
 * How many directives one stream may bring. What a coordinator says costs work here (a spec to parse, a round to leave, a
 * line in the log), and no honest one has that much to say.
 */
export class DirectiveMeter {
  #left = burst;
  #lastMs: number;

  /** `nowMs` of this and of `count`: by a clock that only goes forward. */
  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** Why the stream is to be ended, where this directive is one too many. */
  count(made: 'sense' | 'no sense', nowMs: number): Fault<'WATCH_FLOODED'> | undefined {
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#lastMs) / 1_000) * perSecond);
    this.#lastMs = nowMs;
    this.#left -= made === 'sense' ? 1 : refusedWeight;
    if (this.#left >= 0) return undefined;
    return refuse('WATCH_FLOODED', 'more directives, or more that make no sense, than a coordinator has reason to send')
      .fault;
  }
}
