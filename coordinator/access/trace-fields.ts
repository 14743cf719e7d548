import { context, trace } from '@opentelemetry/api';

/** The trace that this code runs in, as the fields that a log line or a job carries. Empty outside of any. */
export function traceFields(): Readonly<{ traceId?: string; spanId?: string }> {
  const span = trace.getSpan(context.active())?.spanContext();
  return span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId };
}
