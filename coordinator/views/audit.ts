import { canonicalJson, type JsonValue } from '../../base/canonical-json.ts';
import type { EpochMs } from '../../base/time.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { Actor, JournalEvent } from '../ledger/journal/events.ts';

/** One entry of the journal for people. */
export type AuditView = Readonly<{
  sequence: number;
  atMs: EpochMs;
  /** Who did it, in words. */
  actor: string;
  kind: JournalEvent['kind'];
  /** Canonical JSON of the event; of a very long one only its kind, and that it was cut. */
  eventJson: string;
  chainDigest: string;
}>;

const eventBytesMax = 65_536;

export function auditView({ seq, atMs, actor, event, chain }: JournalEntry): AuditView {
  const json = canonicalJson(event as unknown as JsonValue);
  return {
    sequence: seq,
    atMs,
    actor: actorName(actor),
    kind: event.kind,
    // A step of a large round holds its whole cohort; `testudo coordinator verify` reads the journal itself.
    eventJson: Buffer.byteLength(json) <= eventBytesMax ? json : canonicalJson({ kind: event.kind, truncated: true }),
    chainDigest: `sha256:${chain}`,
  };
}

function actorName(actor: Actor): string {
  switch (actor.kind) {
    case 'operator':
      return `operator ${actor.name} (${actor.role})`;
    case 'cluster':
      return actor.door === undefined ? `cluster ${actor.cluster}` : `cluster ${actor.cluster} (door ${actor.door})`;
    case 'door':
      return `door ${actor.name}`;
    case 'stranger':
      return `stranger ${actor.address}`;
    case 'coordinator':
      return `coordinator (${actor.part})`;
  }
}
