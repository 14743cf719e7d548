import { join } from 'node:path';
import type { Logger } from 'pino';
import type { ClientConfig, SourceConfig } from './config.ts';
import { faultFields } from './observability/log.ts';
import type { ClientMetrics } from './observability/metrics.ts';
import { CursorStore } from './sources/cursor-store.ts';
import type { FilePosition } from './sources/file-follower.ts';
import { hasEnd, type LiveSource, openSource, sourceName } from './sources/open-source.ts';
import type { IntrusionLabel, SourceItem } from './sources/source-item.ts';
import { readSource } from './sources/source-reader.ts';
import type { AssembledTrace } from './sources/trace-assembler.ts';
import { readTraceFile } from './sources/trace-file.ts';
import { type Example, exampleCallsMax } from './training/example.ts';
import type { ExampleBuffer } from './training/example-buffer.ts';
import { exampleOf } from './training/example-of-trace.ts';

export type IngestPorts = Readonly<{
  config: ClientConfig;
  buffer: ExampleBuffer;
  metrics: ClientMetrics;
  log: Logger;
  /** Judges live traces; returns those that are normal as far as anybody knows: they are what is learnt from. */
  judge(traces: readonly AssembledTrace[]): Promise<readonly AssembledTrace[]>;
  onLabel(label: IntrusionLabel): void;
}>;

const batchSize = 64;

/** Brings what the sources yield into the buffer. */
export class Ingest {
  /** Resolves once every source that has an end was read to it. */
  readonly primed: Promise<void>;
  readonly #ports: IngestPorts;
  readonly #cursors: CursorStore;
  readonly #stopping = new AbortController();
  #setPrimed: () => void = () => undefined;
  #running: Promise<unknown> = Promise.resolve();
  #failed = 0;

  constructor(ports: IngestPorts) {
    this.#ports = ports;
    this.#cursors = new CursorStore(join(ports.config.dataDirectory, 'cursors'));
    this.primed = new Promise((resolve) => {
      this.#setPrimed = resolve;
    });
  }

  /** Whether every source could be read so far. */
  get healthy(): boolean {
    return this.#failed === 0;
  }

  start(): void {
    const { sources } = this.#ports.config;
    const reading = sources.map((source) => ({ source, done: this.#read(source) }));
    this.#running = Promise.all(reading.map(({ done }) => done));
    const ending = Promise.all(reading.filter(({ source }) => hasEnd(source)).map(({ done }) => done));
    // A failure is counted where it happens; waiting for it must not hide it.
    ending.then(this.#setPrimed, this.#setPrimed);
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #read(source: SourceConfig): Promise<void> {
    try {
      await (source.kind === 'traceFile' ? this.#readTraces(source) : this.#readLive(source));
    } catch (error) {
      this.#failed += 1;
      const code = (error as NodeJS.ErrnoException).code ?? (error as Error).name;
      this.#ports.metrics.sourceItems.inc({ source: source.kind, outcome: 'failed' });
      this.#ports.log.error({ source: sourceName(source), code, cause: (error as Error).message }, 'source failed');
    }
    this.#countBuffer();
  }

  async #readLive(source: LiveSource): Promise<void> {
    const { log, metrics } = this.#ports;
    const name = sourceName(source);
    const from = await this.#cursors.load(name);
    const batches = openSource(source, from, this.#stopping.signal, (fault) => {
      metrics.sourceItems.inc({ source: source.kind, outcome: 'disconnected' });
      log.warn({ ...faultFields(fault), source: name }, 'source disconnected: events in between are not seen');
    });
    const ports = {
      take: (traces: readonly AssembledTrace[]) => this.#take(traces),
      saveCursor: (position: FilePosition) => this.#cursors.save(name, position),
      count: (item: SourceItem) => this.#count(source, name, item),
      nowMs: () => performance.now(),
    };
    await readSource(batches, ports, from);
  }

  async #take(traces: readonly AssembledTrace[]): Promise<void> {
    this.#ports.metrics.traces.inc(traces.length);
    const normal = await this.#ports.judge(traces);
    this.#store(normal.map(exampleOf));
    this.#countBuffer();
  }

  #count(source: LiveSource, name: string, item: SourceItem): void {
    const { metrics, log, onLabel } = this.#ports;
    const inc = (outcome: string, count = 1) => metrics.sourceItems.inc({ source: source.kind, outcome }, count);
    switch (item.kind) {
      case 'skipped':
        inc(item.reason);
        log.debug({ source: name, reason: item.reason, where: item.where }, 'skipped');
        return;
      case 'lost':
        inc('lost', item.count);
        log.warn({ source: name, count: item.count }, 'the sensor dropped events');
        return;
      case 'label':
        inc('label');
        onLabel(item.label);
        return;
      case 'call':
      case 'end':
        inc(item.kind);
        return;
    }
  }

  async #readTraces(source: Extract<SourceConfig, { kind: 'traceFile' }>): Promise<void> {
    const { log, metrics, buffer } = this.#ports;
    let batch: Example[] = [];
    let left = 0;
    for await (const item of readTraceFile(source.path, { abi: source.abi })) {
      if (this.#stopping.signal.aborted) return;
      if (item.kind !== 'trace') {
        metrics.sourceItems.inc({ source: source.kind, outcome: item.kind });
        log.warn({ ...faultFields(item.fault), path: source.path }, 'trace file line left out');
        if (item.kind === 'broken') this.#failed += 1;
        continue;
      }
      const { trace } = item;
      const wanted = source.splits.includes(trace.split) && trace.calls.length > 0;
      metrics.sourceItems.inc({ source: source.kind, outcome: wanted ? 'read' : 'left' });
      if (!wanted) {
        left += 1;
        continue;
      }
      for (let start = 0; start < trace.calls.length; start += exampleCallsMax) {
        batch.push({ workload: trace.service, calls: trace.calls.slice(start, start + exampleCallsMax) });
      }
      if (batch.length >= batchSize) {
        this.#store(batch);
        batch = [];
        // The event loop gets its turn between batches.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    this.#store(batch);
    log.info({ path: source.path, left, ...buffer.counts() }, 'trace file read');
  }

  #store(batch: readonly Example[]): void {
    if (batch.length === 0) return;
    const { buffer, metrics, log } = this.#ports;
    const added = buffer.add(batch, Date.now());
    if (added.ok) return;
    metrics.bufferFaults.inc({ code: added.fault.code }, batch.length);
    log.warn({ ...faultFields(added.fault), examples: batch.length }, 'examples could not be stored');
  }

  #countBuffer(): void {
    const { seen: _, repeated: __, ...parts } = this.#ports.buffer.counts();
    for (const [part, count] of Object.entries(parts)) this.#ports.metrics.bufferExamples.set({ part }, count);
  }
}
