import { hash } from 'node:crypto';
import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import type { Actor, JournalEvent } from './events.ts';

/** One line of the journal. */
export type JournalEntry = Readonly<{
  /** 1, 2, 3, … without gaps. */
  seq: number;
  /** The fencing epoch of the process that wrote it; never falls from one entry to the next. */
  epoch: number;
  atMs: number;
  actor: Actor;
  event: JournalEvent;
  /** Hex SHA-256 over the previous entry's chain and this entry's canonical bytes. */
  chain: string;
}>;

/** What lies on disk: `body` is the canonical JSON of {actor, atMs, epoch, event, seq}, and it is what is hashed. */
export type StoredEntry = Readonly<{ seq: number; epoch: number; body: string; chain: string }>;

/** The chain before the first entry. */
export const chainOrigin = '0'.repeat(64);

export function chainAfter(previous: string, body: string): string {
  return hash('sha256', `${previous}\n${body}`, 'hex');
}

export function sealEntry(previous: string, content: Omit<JournalEntry, 'chain'>): [JournalEntry, StoredEntry] {
  const { seq, epoch, atMs, actor, event } = content;
  const body = canonicalJson({ seq, epoch, atMs, actor, event } as unknown as JsonValue);
  const chain = chainAfter(previous, body);
  return [
    { ...content, chain },
    { seq, epoch, body, chain },
  ];
}

/** The entry that a stored line holds. Throws when the body is not what `sealEntry` writes: call after the chain check. */
export function openEntry(stored: StoredEntry): JournalEntry {
  const { seq, epoch, atMs, actor, event } = JSON.parse(stored.body) as Omit<JournalEntry, 'chain'>;
  if (seq !== stored.seq || epoch !== stored.epoch) {
    throw new Error(`journal entry ${stored.seq}: its row and its body disagree about position or epoch`);
  }
  return { seq, epoch, atMs, actor, event, chain: stored.chain };
}
