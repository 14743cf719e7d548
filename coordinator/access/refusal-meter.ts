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
  /** Whether it becomes an entry of its own. If not, the sum that stands for it follows. */
  refuse(actor: Actor, refusal: Refusal): boolean;
}

type RefusedEvent = Extract<JournalEvent, { kind: 'refused' }>;
type Draft = Readonly<{ actor: Actor; event: RefusedEvent }>;
/** Of one peer and code in this minute. `sum` stands for those without an entry of their own. */
type Tally = { written: number; unwritten: number; sum: Draft | undefined };

/** Entries of their own in one minute; what is beyond is summed up, one entry for each peer and code. */
export const refusalCaps = {
  windowMs: 60_000,
  ofPeerAndCode: 10,
  /** Of one peer, whatever the codes. Alarms do not count here, and have no other limit than that of their code. */
  ofPeer: 30,
  /** Of all peers together; alarms again beside it. */
  inAll: 300,
} as const;

/**
 * Decides which refusals become entries of their own, and sums up the others: written and summed together are all that
 * were refused. Nothing here is counted by what a peer says: a peer is who its certificate proves, all strangers are
 * one, and codes are ours, so that nobody takes another's room, and the room for alarms is nobody's.
 */
export class RefusalMeter {
  #startedAtMs: number | undefined;
  readonly #tallies = new Map<string, Tally>();
  readonly #ofPeer = new Map<string, number>();
  #inAll = 0;

  /** The entry to write now, if any. */
  take(actor: Actor, refusal: Refusal, atMs: number): Draft | undefined {
    this.#startedAtMs ??= atMs;
    const draft: Draft = { actor, event: eventOf(refusal, 0) };
    const peer = peerOf(actor, refusal);
    const key = `${peer}/${draft.event.alarm}/${refusal.code}`;
    const tally = this.#tallies.get(key) ?? { written: 0, unwritten: 0, sum: undefined };
    this.#tallies.set(key, tally);
    if (tally.written < refusalCaps.ofPeerAndCode && this.#hasRoom(peer, draft.event.alarm)) {
      tally.written += 1;
      return draft;
    }
    tally.unwritten += 1;
    tally.sum = tally.sum === undefined ? draft : { actor, event: common(tally.sum.event, draft.event) };
    return undefined;
  }

  /** The sums of a minute that is over (of any, when `all`): call it now and then, and at the end. */
  flush(atMs: number, all = false): readonly Draft[] {
    if (this.#startedAtMs === undefined) return [];
    const passedMs = atMs - this.#startedAtMs;
    // A clock that went back must not keep a minute open until it has caught up.
    if (!all && passedMs >= 0 && passedMs < refusalCaps.windowMs) return [];
    const sums = [...this.#tallies.values()].flatMap(({ sum, unwritten }) =>
      sum === undefined ? [] : [{ actor: sum.actor, event: { ...sum.event, repeats: unwritten - 1 } }],
    );
    this.#startedAtMs = undefined;
    this.#tallies.clear();
    this.#ofPeer.clear();
    this.#inAll = 0;
    return sums;
  }

  #hasRoom(peer: string, alarm: boolean): boolean {
    if (alarm) return true;
    const ofPeer = this.#ofPeer.get(peer) ?? 0;
    if (ofPeer >= refusalCaps.ofPeer || this.#inAll >= refusalCaps.inAll) return false;
    this.#ofPeer.set(peer, ofPeer + 1);
    this.#inAll += 1;
    return true;
  }
}

/** A stranger's refusal names a cluster only where the state does: the one that a used token was made for. */
function peerOf(actor: Actor, { alarm, cluster }: Refusal): string {
  switch (actor.kind) {
    case 'cluster':
      return `cluster/${actor.cluster}`;
    case 'operator':
      return `operator/${actor.name}`;
    case 'door':
      return `door/${actor.name}`;
    case 'stranger':
      return alarm === true ? `stranger/${cluster ?? ''}` : 'stranger';
    case 'coordinator':
      return 'coordinator';
  }
}

/** What can be said of both: the newer one's cause, and whatever else they share. */
function common(older: RefusedEvent, newer: RefusedEvent): RefusedEvent {
  const shared = (field: 'track' | 'round' | 'cluster' | 'payloadDigest') =>
    older[field] === newer[field] ? newer[field] : null;
  return {
    ...newer,
    track: shared('track'),
    round: shared('round'),
    cluster: shared('cluster'),
    payloadDigest: shared('payloadDigest'),
  };
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
