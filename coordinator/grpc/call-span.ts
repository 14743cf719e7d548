import type { Metadata } from '@grpc/grpc-js';
import {
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api';

/**
 * Traces by the OpenTelemetry API alone: without an SDK in the process they cost next to nothing and go nowhere. The
 * caller's W3C trace context arrives in `traceparent`, so one update is followed from the client that trained it.
 */
const tracer = trace.getTracer('testudo');

const fromMetadata: TextMapGetter<Metadata> = {
  get: (metadata, key) => metadata.get(key).map(String),
  keys: (metadata) => Object.keys(metadata.getMap()),
};

/** Runs `work` inside a span of a call; `outcome` is read when it ends: a fault's code, or undefined. */
export async function inCallSpan<Value>(
  method: string,
  metadata: Metadata,
  work: (span: Span) => Promise<Value>,
  faultOf: (value: Value) => string | undefined,
): Promise<Value> {
  const parent = propagation.extract(ROOT_CONTEXT, metadata, fromMetadata);
  const [, service, name] = method.split('/');
  const attributes = { 'rpc.system': 'grpc', 'rpc.service': service ?? '', 'rpc.method': name ?? '' };
  return tracer.startActiveSpan(method.slice(1), { kind: SpanKind.SERVER, attributes }, parent, async (span) => {
    try {
      const value = await work(span);
      const code = faultOf(value);
      if (code !== undefined)
        span.setAttribute('testudo.fault_code', code).setStatus({ code: SpanStatusCode.ERROR, message: code });
      return value;
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
