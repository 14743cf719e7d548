// Own process: it sets the globals of OpenTelemetry, which modules of an earlier file may hold already.
import { Metadata } from '@grpc/grpc-js';
import {
  type Context,
  type ContextManager,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { makeLog } from '../../base/log.ts';
import { inCallSpan } from '../grpc/call-span.ts';
import { Metrics } from './metrics.ts';
import { RoundObserver } from './round-observer.ts';
import { RoundTraces } from './round-traces.ts';

describe('inCallSpan', () => {
  afterEach(() => {
    trace.disable();
    propagation.disable();
  });

  it("continues the caller's trace, and marks the span with the code of a refusal", async () => {
    const parents: (string | undefined)[] = [];
    const attributes: Record<string, unknown> = {};
    const span = {
      setAttribute(name: string, value: unknown) {
        attributes[name] = value;
        return span;
      },
      setStatus: () => span,
      end() {
        attributes.ended = true;
      },
    } as unknown as Span;
    const tracer = {
      startActiveSpan(_name: string, _options: SpanOptions, parent: Context, work: (span: Span) => unknown) {
        parents.push(trace.getSpanContext(parent)?.traceId);
        return context.with(parent, () => work(span));
      },
    };
    trace.setGlobalTracerProvider({ getTracer: () => tracer } as unknown as TracerProvider);
    propagation.setGlobalPropagator({
      inject() {},
      extract(from, carrier, getter) {
        const [text] = [getter.get(carrier, 'traceparent')].flat();
        const [, traceId = '', spanId = ''] = text?.split('-') ?? [];
        return trace.setSpanContext(from, { traceId, spanId, traceFlags: 1 });
      },
      fields: () => ['traceparent'],
    });
    const metadata = new Metadata();
    metadata.set('traceparent', `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`);
    const refused = await inCallSpan(
      '/testudo.v1.Federation/SubmitUpdate',
      metadata,
      async () => 'ROUND_CLOSED',
      (code) => code,
    );
    expect(refused).toBe('ROUND_CLOSED');
    expect(parents).toEqual(['ab'.repeat(16)]);
    expect(attributes).toEqual({ 'testudo.fault_code': 'ROUND_CLOSED', ended: true });
  });
});

describe('RoundTraces', () => {
  afterEach(() => {
    trace.disable();
    context.disable();
  });

  it('links the span of a round to the calls that brought its updates, and to no others', () => {
    const spans: SpanOptions[] = [];
    const tracer = {
      startSpan(_name: string, options: SpanOptions) {
        spans.push(options);
        return { end() {} };
      },
    };
    trace.setGlobalTracerProvider({ getTracer: () => tracer } as unknown as TracerProvider);
    let active = ROOT_CONTEXT;
    context.setGlobalContextManager({ active: () => active, disable() {} } as unknown as ContextManager);
    const traces = new RoundTraces();
    const call = (digit: string) => ({ traceId: digit.repeat(32), spanId: digit.repeat(16), traceFlags: 1 });
    for (const [digit, round] of [
      ['1', 'syscall/r-1'],
      ['2', 'syscall/r-2'],
      ['3', 'syscall/r-1'],
    ] as const) {
      active = trace.setSpanContext(ROOT_CONTEXT, call(digit));
      traces.updateAccepted(round);
    }
    active = ROOT_CONTEXT;
    traces.updateAccepted('syscall/r-1'); // Outside of any trace.
    const end = { fromMs: 1, untilMs: 2, outcome: 'candidate', model: 'sha256:00' } as const;
    traces.roundEnded('syscall/r-1', end);
    traces.roundEnded('syscall/r-1', end);
    expect(spans.map(({ links }) => links?.map((link) => link.context.traceId[0]))).toEqual([['1', '3'], []]);
  });
});

describe('RoundObserver', () => {
  it('counts each round that ended once, by its outcome and by why it was abandoned', async () => {
    const metrics = new Metrics();
    const phases = new Map<string, unknown>();
    const state = () => ({
      tracks: new Map([['syscall', { rounds: { get: (round: string) => ({ phase: phases.get(round) }) } }]]),
    });
    const traces = { roundEnded: () => undefined } as unknown as RoundTraces;
    const observer = new RoundObserver(state as never, metrics, traces, makeLog('silent', { to: 'standard output' }));
    const stepped = (round: string, phase: object) => {
      phases.set(round, phase);
      const event = { kind: 'roundStepped', track: 'syscall', round };
      observer.observe({ event, atMs: 5, seq: 1 } as never);
    };
    stepped('r-1', { kind: 'collecting', cohort: [], accepted: [] });
    stepped('r-1', { kind: 'abandoned', reason: 'QUORUM_MISSED', detail: '' });
    stepped('r-2', { kind: 'candidate', candidate: { version: 1, digest: 'd' } });
    const text = await metrics.registry.metrics();
    expect(text).toContain('testudo_rounds_ended_total{outcome="abandoned",reason="QUORUM_MISSED"} 1');
    expect(text).toContain('testudo_rounds_ended_total{outcome="candidate",reason=""} 1');
  });
});
