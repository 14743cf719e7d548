import { Beat } from '../../base/beat.ts';
import type { Timer, Timers } from '../../base/time.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import { type Overview, overviewOf } from '../operations/overview.ts';
import type { Registry } from '../registry/registry.ts';
import type { Engine } from '../rounds/engine.ts';
import { newsOf, type Told } from './told.ts';

/** That something was journalled: pages that show it ask again. */
export type EntryNews = Readonly<{ sequence: number; kinds: readonly string[] }>;

type Parts = Readonly<{ engine: Engine; registry: Registry; timers: Timers; failed: (error: unknown) => void }>;
type Send = (event: string) => void;

/** Entries that come together are told together. */
const togetherMs = 300;
/** What no entry announces (who is connected, alerts, workers) is looked at this often; so often a page hears from us. */
const lookMs = 5_000;

/**
 * What open pages are told as it happens. Everything is computed once for all of them, and only while there is one; what
 * did not change is not told. So a hundred pages at rest cost one look and a hundred short writes every five seconds.
 */
export class Live {
  readonly #parts: Parts;
  readonly #pages = new Set<Send>();
  readonly #kinds = new Set<string>();
  readonly #beat: Beat;
  #told: Told | undefined;
  #shown: Overview | undefined;
  #unfollow: (() => void) | undefined;
  #every: Timer | undefined;
  #soon: Timer | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { timers, failed } = parts;
    this.#beat = new Beat({ work: () => this.#look(), failed, timers, background: true });
  }

  /** `send` gets everything as soon as it is known, then what changes. Returns what ends it. */
  join(send: Send): () => void {
    if (this.#pages.size === 0) this.#begin();
    this.#pages.add(send);
    // Else the next look tells it, as its first.
    if (this.#shown !== undefined) send(eventText('overview', newsOf(undefined, this.#shown).news));
    return () => {
      this.#pages.delete(send);
      if (this.#pages.size === 0) this.#rest();
    };
  }

  close(): Promise<void> {
    this.#pages.clear();
    this.#rest();
    return this.#beat.stop();
  }

  #begin(): void {
    const { engine, timers } = this.#parts;
    this.#unfollow = engine.follow((entry) => this.#heard(entry));
    this.#every = timers.every(lookMs, () => this.#beat.wake(), { background: true });
    this.#beat.wake();
  }

  #rest(): void {
    const { timers } = this.#parts;
    this.#unfollow?.();
    this.#unfollow = undefined;
    timers.cancel(this.#every);
    timers.cancel(this.#soon);
    this.#every = undefined;
    this.#soon = undefined;
    this.#told = undefined;
    this.#shown = undefined;
    this.#kinds.clear();
  }

  #heard({ event }: JournalEntry): void {
    this.#kinds.add(event.kind);
    this.#soon ??= this.#parts.timers.after(
      togetherMs,
      () => {
        this.#soon = undefined;
        this.#beat.wake();
      },
      { background: true },
    );
  }

  async #look(): Promise<void> {
    const { engine, registry, timers } = this.#parts;
    const view = await overviewOf(engine, registry, timers.now());
    if (this.#pages.size === 0) return; // The last one left meanwhile.
    const kinds = [...this.#kinds]; // Kept until here: a look that fails leaves them to the next.
    this.#kinds.clear();
    const { told, news } = newsOf(this.#told, view);
    this.#told = told;
    this.#shown = view;
    if (news !== undefined) this.#tell(eventText('overview', news));
    const entries: EntryNews = { sequence: view.coordinator.sequence, kinds };
    this.#tell(kinds.length > 0 ? eventText('entries', entries) : eventText('beat', view.coordinator.atMs));
  }

  #tell(event: string): void {
    for (const send of this.#pages) send(event);
  }
}

/** One server-sent event. JSON holds no line break. */
function eventText(name: 'overview' | 'entries' | 'beat', data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
