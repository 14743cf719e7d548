import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { HeardLog } from '../base/testing/heard-log.ts';
import { startClient } from '../client/client.ts';
import { parseClientConfig } from '../client/config.ts';
import { roundTrace } from '../client/rounds/round-trace.ts';
import { TestFederation, track } from '../coordinator/testing/federation.ts';

const histogram = fileURLToPath(new URL('../client/learning/testing/histogram', import.meta.url));
/** What the coordinator's spans are, and whose trace each continues. */
let served: { name: string; traceId: string | undefined }[];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-trace-'));
  served = [];
  const tracer = {
    startActiveSpan(name: string, _options: SpanOptions, parent: Context, work: (span: Span) => unknown) {
      served.push({ name, traceId: trace.getSpanContext(parent)?.traceId });
      return work(trace.wrapSpanContext({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 }));
    },
    // As without an SDK: a span that records nothing, in its parent's context.
    startSpan: (_name: string, _options: SpanOptions, parent: Context = ROOT_CONTEXT) =>
      trace.wrapSpanContext(trace.getSpanContext(parent) ?? { traceId: '', spanId: '', traceFlags: 0 }),
  };
  trace.setGlobalTracerProvider({ getTracer: () => tracer } as unknown as TracerProvider);
  propagation.setGlobalPropagator({
    inject: () => undefined,
    extract(from, carrier, getter) {
      const [text] = [getter.get(carrier, 'traceparent')].flat();
      const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text ?? '') ?? [];
      if (traceId === undefined || spanId === undefined) return from;
      return trace.setSpanContext(from, { traceId, spanId, traceFlags: Number.parseInt(flags ?? '0', 16) });
    },
    fields: () => ['traceparent'],
  });
});
afterEach(async () => {
  trace.disable();
  propagation.disable();
  await rm(folder, { recursive: true, force: true });
});

it('one trace id follows an update from the fetch of its base to its receipt, in spans and in the client’s log', async () => {
  const federation = await TestFederation.start({
    architecture: 'histogram/1',
    policy: `
aggregation: { f: 0, before: [], rule: { kind: mean } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 1 }, collectForMs: 60000 }
`,
  });
  // The model of the test federation, learnt by the smallest learner.
  await writeFile(join(folder, 'token'), await federation.token('north'));
  await writeFile(join(folder, 'traces.tsv'), 'train\tnorth\tnginx\tnormal\tn.1\t0 1 3\n');
  const { addresses } = federation.coordinator;
  const config = {
    dataDirectory: 'data',
    coordinator: { addresses: [addresses.federation], enrolAddress: addresses.enrolment, reconnectSecondsMax: 0.2 },
    joinToken: { file: 'token' },
    tracks: [{ id: track, folder: histogram }],
    sources: [{ kind: 'traceFile', path: 'traces.tsv' }],
    training: { rssMiBMax: 4_096, loopDelayMsMax: 60_000 },
    health: { listen: null },
  };
  const heard = new HeardLog();
  const file = { path: join(folder, 'client.yaml'), text: JSON.stringify(config) };
  const client = unwrap(await startClient(unwrap(parseClientConfig({ file })), { log: heard.log() }));
  try {
    await federation.until((state) => state.clusters.size === 1);
    // A second cluster that never delivers keeps the round open until the first has its receipt.
    await (await federation.enrol('south')).watch([track]);
    const round = await federation.openRound();
    await heard.said('receipt verified');
    const { traceId } = roundTrace('herd', track, round, 'north');
    const methods = ['FetchModel', 'UploadStatus', 'SubmitUpdate'];
    const spans = served.filter(({ name }) => methods.includes(name.split('/')[1] ?? ''));
    expect(new Set(spans.map(({ name }) => name.split('/')[1]))).toEqual(new Set(methods));
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    const lines = ['invited to a round', 'trained', 'update sealed and kept', 'receipt verified'];
    for (const line of lines) expect(heard.saying(line)[0]?.traceId).toBe(traceId);
    // Calls that belong to no round carry no trace of one.
    expect(served.find(({ name }) => name.endsWith('/Watch'))?.traceId).toBeUndefined();
  } finally {
    await client.close();
  }
});
