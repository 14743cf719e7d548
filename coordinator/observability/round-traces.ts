import { isSpanContextValid, type SpanContext, trace } from '@opentelemetry/api';

/** Beyond this many updates a round's span links to the first ones only. */
const linksMax = 1_000;

/**
 * Ties the trace of each update to the round that it became part of: when the round ends, its span links to the calls
 * that brought its updates. Kept in memory: a trace is no record, the journal is.
 */
export class RoundTraces {
  readonly #updates = new Map<string, SpanContext[]>();

  /** Call it inside the span of the call that was given a receipt. */
  updateAccepted(round: string): void {
    const span = trace.getActiveSpan()?.spanContext();
    if (span === undefined || !isSpanContextValid(span)) return;
    const ofRound = this.#updates.get(round) ?? [];
    this.#updates.set(round, ofRound);
    if (ofRound.length < linksMax) ofRound.push(span);
  }

  /** The round gave a model, or was abandoned. */
  roundEnded(
    round: string,
    span: Readonly<{ fromMs: number; untilMs: number; outcome: 'candidate' | 'abandoned'; model: string }>,
  ): void {
    const links = (this.#updates.get(round) ?? []).map((context) => ({ context }));
    this.#updates.delete(round);
    const attributes = { 'testudo.round': round, 'testudo.outcome': span.outcome, 'testudo.model': span.model };
    trace
      .getTracer('testudo')
      .startSpan('testudo round', { startTime: span.fromMs, links, attributes })
      .end(span.untilMs);
  }
}
