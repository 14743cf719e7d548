import type { Logger } from 'pino';
import type { ClientConfig, SourceConfig } from './config.ts';
import { faultFields } from './observability/log.ts';
import type { ClientMetrics } from './observability/metrics.ts';
import { readTraceFile } from './sources/trace-file.ts';
import { type Example, exampleCallsMax } from './training/example.ts';
import type { ExampleBuffer } from './training/example-buffer.ts';

const batchSize = 64;

/** Brings what the sources yield into the buffer. */
export class Ingest {
  /** Resolves once every source that has an end was read to it. */
  readonly primed: Promise<void>;
  readonly #primed: () => void;
  readonly #config: ClientConfig;
  readonly #buffer: ExampleBuffer;
  readonly #metrics: ClientMetrics;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #failed = 0;

  constructor(config: ClientConfig, buffer: ExampleBuffer, metrics: ClientMetrics, log: Logger) {
    this.#config = config;
    this.#buffer = buffer;
    this.#metrics = metrics;
    this.#log = log;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.primed = promise;
    this.#primed = resolve;
  }

  get healthy(): boolean {
    return this.#failed === 0;
  }

  start(): void {
    this.#running = Promise.all(this.#config.sources.map((source) => this.#read(source))).then(() => {
      this.#countBuffer();
      this.#primed();
    });
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #read(source: SourceConfig): Promise<void> {
    if (source.kind !== 'traceFile') return;
    let batch: Example[] = [];
    let left = 0;
    for await (const item of readTraceFile(source.path, { abi: source.abi })) {
      if (this.#stopping.signal.aborted) return;
      if (item.kind !== 'trace') {
        this.#metrics.sourceItems.inc({ source: source.kind, outcome: item.kind });
        this.#log.warn({ ...faultFields(item.fault), path: source.path }, 'trace file line left out');
        if (item.kind === 'broken') this.#failed += 1;
        continue;
      }
      const { trace } = item;
      const wanted = source.splits.includes(trace.split) && trace.calls.length > 0;
      this.#metrics.sourceItems.inc({ source: source.kind, outcome: wanted ? 'read' : 'left' });
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
    this.#log.info({ path: source.path, left, ...this.#buffer.counts() }, 'trace file read');
  }

  #store(batch: readonly Example[]): void {
    const added = this.#buffer.add(batch, Date.now());
    if (added.ok) return;
    this.#metrics.bufferFaults.inc({ code: added.fault.code }, batch.length);
    this.#log.warn({ ...faultFields(added.fault), examples: batch.length }, 'examples could not be stored');
  }

  #countBuffer(): void {
    const { seen: _, repeated: __, ...parts } = this.#buffer.counts();
    for (const [part, count] of Object.entries(parts)) this.#metrics.bufferExamples.set({ part }, count);
  }
}
