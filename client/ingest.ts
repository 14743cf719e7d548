import { join } from 'node:path';
import { type Backoff, fullJitterMs } from '../base/backoff.ts';
import { type Fault, FaultError } from '../base/fault.ts';
import { faultFields } from '../base/log.ts';
import { pause } from '../base/pause.ts';
import type { Timer } from '../base/time.ts';
import type { TrackId } from '../proto/ids.ts';
import type { ObservedFlow } from './events/flow-record.ts';
import type { Intake } from './events/intake.ts';
import type { SkipReason, SourceBatch, SourceItem, SourceLoss } from './events/source-item.ts';
import type { IngestPorts } from './ingest-ports.ts';
import type { LocalTrack } from './learning/local-track.ts';
import { RepeatedTrouble } from './learning/repeated-trouble.ts';
import type { FilePosition } from './recordings/file-follower.ts';
import { CursorStore } from './sources/cursor-store.ts';
import { fileAt } from './sources/file-at.ts';
import { hasEnd, openSource, sourceName } from './sources/open-source.ts';
import { PushedItems } from './sources/pushed-items.ts';
import { delayMsOf, isRecorded, type SourceConfig, silenceIsNews } from './sources/source-config.ts';
import { type Blindness, type BlindState, SourceHealth } from './sources/source-health.ts';
import { type Lane, readSource } from './sources/source-reader.ts';

/** What is read: a configured source, or what sensors push. */
type Reading = Readonly<{
  /** Labels metrics. */
  kind: string;
  name: string;
  recorded: boolean;
  delayMs: number | undefined;
  health: SourceHealth | undefined;
  /** Of this batch, by kind of item: a metric is touched once for all of them. */
  tally: Map<SourceItem['kind'], number>;
}>;

/** Sensors hand flows on in intervals, and again after the hub was away. */
const pushedDelayMs = 60_000;
/** How often it is looked whether a source is blind, milliseconds. */
const lookMs = 5_000;
/** Between attempts at a live source that failed: opening one costs little, and meanwhile nothing is watched. */
const reopening: Backoff = { firstMs: 500, maxMs: 5_000 };

/** Brings what the sources yield to every track, and what is normal of it into the tracks' buffers. */
export class Ingest {
  /** Resolves once every source that has an end was read to it. */
  readonly primed: Promise<void>;
  readonly #ports: IngestPorts;
  readonly #cursors: CursorStore;
  /** Sources whose last cursor is not on disk. */
  readonly #unsaved = new Set<string>();
  readonly #intakes: ReadonlyMap<TrackId, Intake<unknown>>;
  readonly #stopping = new AbortController();
  readonly #pushed = new PushedItems();
  #setPrimed: () => void = () => undefined;
  #running: Promise<unknown> = Promise.resolve();
  readonly #health = new Map<SourceConfig, SourceHealth>();
  /** What was logged last of each source. */
  readonly #said = new Map<SourceConfig, BlindState>();
  /** Tracks whose examples find no room, so that a full disk is not filled with that. */
  readonly #unstored = new RepeatedTrouble();
  #looking: Timer | undefined;
  #lookingNow: Promise<void> | undefined;

  constructor(ports: IngestPorts) {
    this.#ports = ports;
    this.#cursors = new CursorStore(join(ports.config.dataDirectory, 'cursors'));
    const { riskOf, exposedBy, salt, timers } = ports;
    const surroundings = { riskOf, exposedBy, salt, now: timers.now };
    this.#intakes = new Map([...ports.tracks].map(([id, { kind }]) => [id, kind.openIntake(surroundings)]));
    this.primed = new Promise((resolve) => {
      this.#setPrimed = resolve;
    });
  }

  /** Sources that see nothing, or understand too little of what they see. */
  get blind(): readonly Blindness[] {
    const nowMs = this.#ports.timers.monotonicMs();
    return [...this.#health.values()].flatMap((health) => health.blindness(nowMs) ?? []);
  }

  start(): void {
    const { timers, config } = this.#ports;
    const { sources, health } = config;
    const startedMs = timers.monotonicMs();
    for (const source of sources) {
      const silentMsMax = silenceIsNews(source)
        ? (health.sourceSilentMinutesMax ?? Number.POSITIVE_INFINITY) * 60_000
        : null;
      this.#health.set(source, new SourceHealth({ source: sourceName(source), silentMsMax, startedMs }));
    }
    this.#lookAgain();
    this.#looking = timers.every(lookMs, () => this.#lookAgain(), { background: true });
    const reading = sources.map((source) => ({ source, done: this.#keepReading(source) }));
    const pushed = (config.hub ?? null) === null ? undefined : this.#readPushed();
    this.#running = Promise.all([...reading.map(({ done }) => done), pushed]);
    const ending = Promise.all(reading.filter(({ source }) => hasEnd(source)).map(({ done }) => done));
    // A failure is counted where it happens; waiting for it must not hide it.
    ending.then(this.#setPrimed, this.#setPrimed);
  }

  /** Flows that sensors of this cluster have counted. */
  hear(flows: readonly ObservedFlow[]): void {
    this.#pushed.pushFlows(flows);
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#ports.timers.cancel(this.#looking);
    await this.#running;
  }

  /** A live source that fails is opened again, after pauses that grow as long as nothing comes of it. */
  async #keepReading(source: SourceConfig): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 0; ; attempt++) {
      const { hasFailed, hasSeen } = await this.#read(source);
      if (!hasFailed || hasEnd(source) || signal.aborted) return;
      if (hasSeen) attempt = 0;
      await pause(this.#ports.timers, fullJitterMs(reopening, attempt, Math.random()), signal);
      if (signal.aborted) return;
    }
  }

  async #read(source: SourceConfig): Promise<Readonly<{ hasFailed: boolean; hasSeen: boolean }>> {
    const { log, metrics, tracks } = this.#ports;
    let hasFailed = false;
    let hasSeen = false;
    const name = sourceName(source);
    const health = this.#health.get(source);
    const reading = {
      kind: source.kind,
      name,
      recorded: isRecorded(source),
      delayMs: delayMsOf(source),
      health,
      tally: new Map(),
    };
    try {
      const from = await this.#cursors.load(name);
      if (from !== undefined) health?.goesOn();
      const options = {
        from,
        signal: this.#stopping.signal,
        timers: this.#ports.timers,
        onDisconnect: (fault: Fault) => {
          metrics.sourceItems.inc({ source: source.kind, outcome: 'disconnected' });
          log.warn({ ...faultFields(fault), source: name }, 'source disconnected: events in between are not seen');
        },
      };
      const batches = openSource(source, {
        ...options,
        ofTrack: (track, settings) => tracks.get(track as TrackId)?.kind.openSource?.(settings, options),
      });
      const ports = {
        lanes: [...tracks.values()].map((track) => this.#lane(track, reading)),
        saveCursor: (position: FilePosition) => this.#saveCursor(name, position),
        count: (item: SourceItem, nowMs: number) => {
          hasSeen = true;
          this.#count(reading, item, nowMs);
        },
        counted: () => this.#counted(reading),
        nowMs: this.#ports.timers.monotonicMs,
        handOnMs: this.#ports.handOnMs,
      };
      await readSource(this.#through(batches, health), ports, from);
      health?.ended();
      if (hasEnd(source)) log.info({ source: name }, 'source read to its end');
    } catch (error) {
      hasFailed = true;
      const fault = error instanceof FaultError ? error.fault : undefined;
      const code = fault?.code ?? (error as NodeJS.ErrnoException).code ?? (error as Error).name;
      health?.failed(`${code}: ${fault?.message ?? (error as Error).message}`);
      metrics.sourceItems.inc({ source: source.kind, outcome: 'failed' });
      log.error({ source: name, code, cause: fault?.message ?? (error as Error).message }, 'source failed');
    }
    for (const track of tracks.values()) this.#countBuffer(track);
    return { hasFailed, hasSeen };
  }

  async #saveCursor(source: string, position: FilePosition): Promise<void> {
    const saved = await this.#cursors.save(source, position);
    if (saved.ok) this.#unsaved.delete(source);
    else if (!this.#unsaved.has(source)) {
      this.#unsaved.add(source);
      this.#ports.log.error({ ...faultFields(saved.fault), source }, 'a restart would read this source again');
    }
  }

  async *#through(batches: AsyncIterable<SourceBatch<FilePosition>>, health: SourceHealth | undefined) {
    for await (const { items, cursor } of batches) {
      health?.reopened();
      yield { items: this.#ports.through?.(items) ?? items, cursor };
    }
  }

  async #readPushed(): Promise<void> {
    const { tracks, timers } = this.#ports;
    const reading = {
      kind: 'sensors',
      name: 'sensors',
      recorded: false,
      delayMs: pushedDelayMs,
      health: undefined,
      tally: new Map(),
    };
    await readSource(this.#pushed.batches(timers, this.#stopping.signal), {
      lanes: [...tracks.values()].map((track) => this.#lane(track, reading)),
      saveCursor: async () => undefined,
      count: (item, nowMs) => this.#count(reading, item, nowMs),
      counted: () => this.#counted(reading),
      nowMs: timers.monotonicMs,
    });
  }

  /** One track's part in a source. Sources without a position are read again after a restart: repeats are kept once. */
  #lane(track: LocalTrack, reading: Reading): Lane {
    const { judge, metrics } = this.#ports;
    const { kind, name, recorded, delayMs, health } = reading;
    const intake = (this.#intakes.get(track.id) as Intake<unknown>).from({
      name,
      recorded,
      delayMs,
      skipped: (reason, where, count) => {
        health?.passedOver(reason, where, count ?? 1);
        this.#skipped(reading, reason, where, count);
      },
      coarsened: (what, count, where) => {
        metrics.sourceItems.inc({ source: kind, outcome: what }, count);
        this.#ports.log.warn({ source: name, what, count, where }, 'more than is told apart: counted together');
      },
    });
    return {
      intake,
      take: async (observations) => {
        metrics.observations.inc({ track: track.id }, observations.length);
        if (recorded) {
          this.#store(
            track,
            observations.map((one) => track.kind.exampleOf(one)),
          );
          // The event loop gets its turn between batches: nothing slows a recording down.
          await new Promise((resolve) => setImmediate(resolve));
          return;
        }
        this.#store(track, await judge(track, observations));
        this.#countBuffer(track);
      },
    };
  }

  #counted({ kind, tally }: Reading): void {
    for (const [outcome, count] of tally) this.#ports.metrics.sourceItems.inc({ source: kind, outcome }, count);
    tally.clear();
  }

  #count(reading: Reading, item: SourceItem, nowMs: number): void {
    const { metrics, log, onLabel, onFlow } = this.#ports;
    const { kind, name, recorded, health, tally } = reading;
    health?.saw(item, nowMs);
    const inc = (outcome: string, count = 1) => metrics.sourceItems.inc({ source: kind, outcome }, count);
    switch (item.kind) {
      case 'skipped':
        this.#skipped(reading, item.reason, item.where);
        if (item.loss !== undefined) this.#lostForGood(reading, item.where, item.loss);
        return;
      case 'lost':
        inc('lost', item.count);
        log.warn({ source: name, count: item.count }, 'the sensor dropped events');
        return;
      case 'label':
        inc('label');
        onLabel(item.label);
        return;
      case 'flow':
        if (!recorded) onFlow(item.flow);
        tally.set(item.kind, (tally.get(item.kind) ?? 0) + 1);
        return;
      default:
        tally.set(item.kind, (tally.get(item.kind) ?? 0) + 1);
    }
  }

  /** One look at a time: a mount that hangs must not gather them. */
  #lookAgain(): void {
    this.#lookingNow ??= this.#look().finally(() => {
      this.#lookingNow = undefined;
    });
  }

  /** Logs what has changed since the last look, and says in metrics how many sources are blind. */
  async #look(): Promise<void> {
    const { log, metrics, timers } = this.#ports;
    for (const [source, health] of this.#health) {
      if ('path' in source) health.foundAt(await fileAt(source.path));
    }
    metrics.sourcesBlind.reset();
    for (const [source, health] of this.#health) {
      const blindness = health.blindness(timers.monotonicMs());
      if (blindness !== undefined) metrics.sourcesBlind.inc({ source: source.kind, state: blindness.state });
      if (blindness?.state === this.#said.get(source)) continue;
      if (blindness === undefined) {
        this.#said.delete(source);
        log.info({ source: sourceName(source) }, 'source sees again');
        continue;
      }
      this.#said.set(source, blindness.state);
      const { source: name, state, message, reason, example } = blindness;
      log.warn({ source: name, state, cause: message, reason, example }, 'source is blind');
    }
  }

  /** Each loss is one that nobody can undo, so each is said once, with what is known of it. */
  #lostForGood({ kind, name }: Reading, where: string, { files, bytes }: SourceLoss): void {
    const { metrics, log } = this.#ports;
    metrics.sourceLostFiles.inc({ source: kind }, files ?? 1);
    metrics.sourceLostBytes.inc({ source: kind }, bytes ?? 0);
    log.warn(
      { source: name, where, files: files ?? 'unknown', bytes: bytes ?? 'unknown' },
      'a file was rotated away or emptied before it was read: keep more or larger files, or give the client more time',
    );
  }

  #skipped({ kind, name }: Reading, reason: SkipReason, where: string, count = 1): void {
    this.#ports.metrics.sourceItems.inc({ source: kind, outcome: reason }, count);
    this.#ports.log.debug({ source: name, reason, where, count }, 'skipped');
  }

  #store({ id, buffer }: LocalTrack, examples: readonly unknown[]): void {
    if (examples.length === 0) return;
    const { metrics, log, timers } = this.#ports;
    const added = buffer.add(examples, timers.now());
    if (added.ok) {
      const unsaid = this.#unstored.over(id);
      if (unsaid !== undefined) log.info({ track: id, unsaid }, 'examples are stored again');
      return;
    }
    const { code } = added.fault;
    metrics.bufferFaults.inc({ code }, examples.length);
    const lost = this.#unstored.again(id, code, examples.length, timers.monotonicMs());
    if (lost === undefined) return;
    log.warn({ ...faultFields(added.fault), track: id, examples: lost }, 'examples could not be stored');
  }

  #countBuffer({ id, buffer }: LocalTrack): void {
    const { seen: _, repeated: __, ...parts } = buffer.counts();
    for (const [part, count] of Object.entries(parts))
      this.#ports.metrics.bufferExamples.set({ track: id, part }, count);
  }
}
