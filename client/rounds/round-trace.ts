import { createHash } from 'node:crypto';
import { ROOT_CONTEXT, type SpanContext, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import type { Result } from '../../base/fault.ts';
import type { Carrier } from './round-calls.ts';

const tracer = trace.getTracer('testudo');

/**
 * The trace of one cluster's part in one round. Its id follows from what the round is called, so that it stays the same
 * over restarts of the client, and one search finds an update from its fetch to its receipt on both sides.
 */
export function roundTrace(federation: string, track: string, round: string, cluster: string): SpanContext {
  const digest = createHash('sha256')
    .update(JSON.stringify([federation, track, round, cluster]))
    .digest('hex');
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48), traceFlags: TraceFlags.SAMPLED };
}

/**
 * Runs a step of a round in a span. `carrier` carries it to the coordinator as `traceparent` (W3C Trace Context 1).
 * Without an OpenTelemetry SDK in the process no span is recorded here, and the coordinator's spans are the round's.
 */
export async function inRoundSpan<Value, Code extends string>(
  parent: SpanContext,
  name: string,
  work: (carrier: Carrier) => Promise<Result<Value, Code>>,
): Promise<Result<Value, Code>> {
  const span = tracer.startSpan(name, { kind: SpanKind.CLIENT }, trace.setSpanContext(ROOT_CONTEXT, parent));
  const { traceId, spanId, traceFlags } = span.spanContext();
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  try {
    const result = await work({ traceparent });
    if (!result.ok) span.setStatus({ code: SpanStatusCode.ERROR, message: result.fault.code });
    return result;
  } finally {
    span.end();
  }
}
