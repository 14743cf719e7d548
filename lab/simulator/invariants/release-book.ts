import type { Actor, JournalEvent, SignedDocument } from '../../../coordinator/ledger/journal/events.ts';
import type { Digest } from '../../../proto/ids.ts';
import type { Report } from '../violation.ts';

const pieces = ['catalogue', 'snapshot', 'timestamp'] as const;

/** What is known of releases: which versions there are, what may run, what was signed. */
export class ReleaseBook {
  readonly manifests = new Map<number, Digest>();
  readonly revoked = new Set<number>();
  floor = 0;
  stable: number | undefined;
  readonly #wasStable = new Set<number>();
  readonly #rejected = new Set<number>();
  readonly #promoted = new Set<number>();
  /** Digests of every timestamp that was signed. */
  readonly timestamps = new Set<Digest>();
  /** By version: when it went to canary, and who has passed it since. */
  readonly #canary = new Map<number, Readonly<{ atMs: number; passedBy: Set<string> }>>();
  readonly #canaries = new Set<string>();
  readonly #quarantined = new Set<string>();
  readonly #signed = new Map<string, SignedDocument>();
  readonly #report: Report;
  #hasGate = false;

  constructor(report: Report) {
    this.#report = report;
  }

  /** `actor` moved it. */
  read(event: JournalEvent, actor: Actor, atMs: number): void {
    switch (event.kind) {
      case 'trackCreated':
      case 'policySet':
        this.#hasGate = event.policy.gate !== undefined;
        return;
      case 'releasePublished': {
        const { version } = event.manifest;
        if (version !== this.manifests.size) this.#report('VERSION_OUT_OF_TURN', `release ${version} is published`);
        this.manifests.set(version, event.manifestDigest);
        return;
      }
      case 'floorRaised':
        if (event.floor <= this.floor && this.floor > 0) this.#report('FLOOR_FELL', `${this.floor} to ${event.floor}`);
        this.floor = Math.max(this.floor, event.floor);
        return;
      case 'releaseRevoked':
        this.revoked.add(event.version);
        return;
      case 'gateDecided':
        if (event.decision === 'promote') this.#promote(event, actor, atMs);
        if (event.decision === 'reject') this.#rejected.add(event.version);
        return;
      case 'quarantineSet':
        if (event.quarantined) this.#quarantined.add(event.cluster);
        else this.#quarantined.delete(event.cluster);
        return;
      case 'assignmentsSet':
        for (const { channel, subject } of event.assignments) {
          if (channel === 'canary' && 'cluster' in subject) this.#canaries.add(subject.cluster);
        }
        return;
      case 'channelMoved':
        this.#move(event, actor, atMs);
        return;
      case 'shadowReported': {
        const { cluster, scoredCount, agreedCount } = event.report;
        const passes = scoredCount >= 300 && agreedCount >= 0.9 * scoredCount;
        const passedBy = this.#canary.get(event.version)?.passedBy;
        if (passes) passedBy?.add(cluster);
        else passedBy?.delete(cluster);
        return;
      }
      case 'releaseSetSigned':
        this.timestamps.add(event.timestamp.digest);
        for (const piece of pieces) this.#sign(piece, event[piece]);
        return;
      default:
        return;
    }
  }

  /** Most canaries in good standing have passed it, ten minutes after it came to them, or an operator takes it upon himself. */
  #promote({ version }: Extract<JournalEvent, { kind: 'gateDecided' }>, actor: Actor, atMs: number): void {
    const canary = this.#canary.get(version);
    const standing = [...this.#canaries].filter((cluster) => !this.#quarantined.has(cluster));
    const passes = standing.filter((cluster) => canary?.passedBy.has(cluster)).length;
    const isEarned = canary !== undefined && passes > standing.length / 2 && atMs - canary.atMs >= 600_000;
    if (actor.kind === 'coordinator' && !isEarned) this.#report('GATE_PASSED_BY', `the gate promotes ${version}`);
    this.#promoted.add(version);
  }

  #move(
    { channel, version, shadows }: Extract<JournalEvent, { kind: 'channelMoved' }>,
    actor: Actor,
    atMs: number,
  ): void {
    const what = `${channel} to ${version} by ${actor.kind}`;
    const isLegal = this.manifests.has(version) && !this.revoked.has(version) && version >= this.floor;
    if (!isLegal) this.#report('CHANNEL_ILLEGAL', `${what}; the floor is ${this.floor}`);
    if (channel !== 'stable') {
      if (channel === 'canary' && !this.#canary.has(version)) this.#canary.set(version, { atMs, passedBy: new Set() });
      if (channel === 'canary' && this.#hasGate && shadows === null) this.#report('GATE_PASSED_BY', what);
      return;
    }
    const passed = this.#promoted.has(version) || (this.#wasStable.has(version) && !this.#rejected.has(version));
    const falls = this.stable !== undefined && this.revoked.has(this.stable);
    if (this.#hasGate && this.#wasStable.size > 0 && !passed && !falls) this.#report('GATE_PASSED_BY', what);
    this.stable = version;
    this.#wasStable.add(version);
  }

  #sign(piece: string, next: SignedDocument): void {
    const before = this.#signed.get(piece);
    this.#signed.set(piece, next);
    if (before === undefined || next.version > before.version) return;
    if (next.version === before.version && next.digest === before.digest) return;
    this.#report('METADATA_NOT_GROWING', `${piece} ${next.version} after ${before.version}`);
  }
}
