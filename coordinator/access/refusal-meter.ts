import type { Actor, JournalEvent } from '../ledger/journal/events.ts';

export type Refusal = Readonly<{
  what: Extract<JournalEvent, { kind: 'refused' }>['what'];
  code: string;
  /** For the operator; never sent to the peer. No keys, tokens or weights. */
  cause: string;
  alarm?: boolean;
  track?: string;
  round?: string;
  cluster?: string;
  payloadDigest?: string;
}>;

/** Where refusals are audited (I9). Never fails its caller; floods of one peer and code are summed up. */
export interface RefusalLog {
  refuse(actor: Actor, refusal: Refusal): void;
}

type RefusedEvent = Extract<JournalEvent, { kind: 'refused' }>;
type Draft = Readonly<{ actor: Actor; event: RefusedEvent }>;
type Window = { startedAtMs: number; written: number; unwritten: number; last: Draft };

const windowMs = 60_000;
const entriesPerWindow = 10;
const windowsMax = 10_000;

/**
 * Decides which refusals become entries of their own. The first ten of a peer and code in a minute do; the rest of that
 * minute is summed up in one entry that says how many it stands for. Strangers share one peer's allowance for each
 * code: nobody who has not enrolled can fill the disk.
 */
export class RefusalMeter {
  #windows = new Map<string, Window>();

  /** The entry to write now, if any. */
  take(actor: Actor, refusal: Refusal, atMs: number): Draft | undefined {
    const draft: Draft = { actor, event: eventOf(refusal, 0) };
    const key = keyOf(actor, refusal);
    const window = this.#windows.get(key);
    if (window === undefined) {
      if (this.#windows.size >= windowsMax) return undefined; // Far beyond any federation: counted by metrics only.
      this.#windows.set(key, { startedAtMs: atMs, written: 1, unwritten: 0, last: draft });
      return draft;
    }
    window.last = draft;
    if (window.written < entriesPerWindow) {
      window.written++;
      return draft;
    }
    window.unwritten++;
    return undefined;
  }

  /** Sums of windows that are over (of all, when `all`): call it now and then, and at the end. */
  flush(atMs: number, all = false): readonly Draft[] {
    const sums: Draft[] = [];
    for (const [key, window] of this.#windows) {
      if (!all && atMs - window.startedAtMs < windowMs) continue;
      this.#windows.delete(key);
      if (window.unwritten === 0) continue;
      const { actor, event } = window.last;
      sums.push({ actor, event: { ...event, repeats: window.unwritten - 1 } });
    }
    return sums;
  }
}

function keyOf(actor: Actor, { code, round }: Refusal): string {
  switch (actor.kind) {
    case 'cluster':
      return `cluster/${actor.cluster}/${code}/${round ?? ''}`;
    case 'operator':
      return `operator/${actor.name}/${code}`;
    case 'stranger':
    case 'coordinator':
      return `${actor.kind}/${code}`;
  }
}

const textMax = 256;

/** Texts may come from a peer: cut to what an audit log should hold. */
function eventOf(refusal: Refusal, repeats: number): RefusedEvent {
  const text = (value: string | undefined) => (value === undefined ? null : cut(value));
  const { what, code, cause, alarm = false, track, round, cluster, payloadDigest } = refusal;
  return {
    kind: 'refused',
    what,
    code,
    cause: cut(cause),
    alarm,
    track: text(track),
    round: text(round),
    cluster: text(cluster),
    payloadDigest: text(payloadDigest),
    repeats,
  };
}

function cut(text: string): string {
  return text.slice(0, textMax).toWellFormed();
}
