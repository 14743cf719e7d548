import { type Fault, ok, type Result, refuse } from '../../../base/fault.ts';
import { RateLimiter } from '../../../base/serving/rate-limit.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { type EvidenceReceipt, signEvidenceReceipt } from '../../../proto/envelope/evidence-receipt.ts';
import type { ClusterId, TrackId } from '../../../proto/ids.ts';
import type { BreakerReport, EvidenceHead } from '../../ledger/journal/events.ts';
import { headOf, lastHeadOf } from '../../ledger/state/fold-response.ts';
import { releaseOf } from '../../ledger/state/releasing.ts';
import type { Cluster, JournaledHead, State } from '../../ledger/state/state.ts';
import type { Store, StoreFaultCode } from '../../ledger/store.ts';

export type ResponseFaultCode =
  | 'CLUSTER_NOT_ENROLLED'
  | 'CLUSTER_QUARANTINED'
  | 'EVIDENCE_CONFLICT'
  | 'TRACK_NOT_FOUND'
  | 'VERSION_NOT_FOUND'
  | 'RATE_LIMITED';

/** Of one cluster: an incident's worth at once, then as fast as agents tell. */
const limit = { burst: 64, refillMs: 5_000, keysMax: 100_000 };

export type SignedEvidenceReceipt = Readonly<{ receipt: EvidenceReceipt; signature: Buffer }>;

/** What clusters' response agents say: ends of chains of evidence, and breakers. Journalled; the same again is not. */
export class ResponseReports {
  readonly #store: Store;
  readonly #receiptKey: SigningKeyPair;
  readonly #clock: () => EpochMs;
  readonly #limiter = new RateLimiter(limit);

  constructor(store: Store, receiptKey: SigningKeyPair, clock: () => EpochMs) {
    this.#store = store;
    this.#receiptKey = receiptKey;
    this.#clock = clock;
  }

  /**
   * A receipt for the end of a cluster's chain. An end that contradicts an earlier one (another digest of the same record, or a
   * record before the last) is refused: somebody rewrote the chain.
   */
  async journalEvidence(
    cluster: ClusterId,
    head: EvidenceHead,
  ): Promise<Result<SignedEvidenceReceipt, ResponseFaultCode | StoreFaultCode>> {
    const member = this.#member(this.#store.state(), cluster);
    if (!member.ok) return member;
    const known = headOf(member.value, head);
    if (known !== undefined) return ok(this.#receipt(cluster, head, known));
    const limited = this.#take(cluster);
    if (limited !== undefined) return { ok: false, fault: limited };
    type Same = JournaledHead | undefined;
    const kept = await this.#store.commit<Same, 'EVIDENCE_CONFLICT'>({ kind: 'cluster', cluster }, (now) => {
      const row = now.clusters.get(cluster);
      const same = row && headOf(row, head); // Asked for again while the first entry was on its way.
      if (same !== undefined) return ok({ events: [], value: same });
      const last = lastHeadOf(row, head.signer);
      if (last !== undefined && head.record <= last.record) {
        const message = `record ${head.record} has another digest than it had, or comes after record ${last.record}`;
        return refuse('EVIDENCE_CONFLICT', message);
      }
      return ok({ events: [{ kind: 'evidenceJournaled', cluster, ...head }], value: undefined });
    });
    if (!kept.ok) return kept;
    const { value: same, entries } = kept.value;
    return ok(this.#receipt(cluster, head, same ?? { sequence: entries[0]?.seq ?? 0, atMs: entries[0]?.atMs ?? 0 }));
  }

  /** The position of what the cluster's breaker does in the journal. */
  async reportBreaker(
    cluster: ClusterId,
    track: TrackId,
    report: BreakerReport,
  ): Promise<Result<number, ResponseFaultCode | StoreFaultCode>> {
    const state = this.#store.state();
    const member = this.#member(state, cluster);
    if (!member.ok) return member;
    const releasing = state.tracks.get(track)?.releasing;
    if (releasing === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${track}`);
    if (releaseOf(releasing, report.version) === undefined) {
      return refuse('VERSION_NOT_FOUND', `track ${track} has no release ${report.version}`);
    }
    const before = releasing.breakers[report.version]?.[cluster];
    if (before?.open === report.open && before.reportedAtMs === report.reportedAtMs) return ok(before.sequence);
    const limited = this.#take(cluster);
    if (limited !== undefined) return { ok: false, fault: limited };
    const kept = await this.#store.commit<void, never>({ kind: 'cluster', cluster }, () =>
      ok({ events: [{ kind: 'breakerReported', cluster, track, ...report }], value: undefined }),
    );
    return kept.ok ? ok(kept.value.entries.at(-1)?.seq ?? 0) : kept;
  }

  #receipt(
    cluster: ClusterId,
    head: EvidenceHead,
    { sequence, atMs: acceptedAtMs }: Readonly<{ sequence: number; atMs: EpochMs }>,
  ): SignedEvidenceReceipt {
    const receipt = { federation: this.#store.federation, cluster, ...head, sequence, acceptedAtMs };
    return { receipt, signature: signEvidenceReceipt(receipt, this.#receiptKey) };
  }

  #member(
    state: State,
    cluster: ClusterId,
  ): Result<Cluster, Extract<ResponseFaultCode, 'CLUSTER_NOT_ENROLLED' | 'CLUSTER_QUARANTINED'>> {
    const member = state.clusters.get(cluster);
    if (member === undefined) return refuse('CLUSTER_NOT_ENROLLED', `${cluster} is not enrolled`);
    if (!member.quarantined) return ok(member);
    return refuse('CLUSTER_QUARANTINED', `${cluster} is in quarantine: its word does not count`);
  }

  #take(cluster: ClusterId): Fault<'RATE_LIMITED'> | undefined {
    if (this.#limiter.take(cluster, this.#clock())) return undefined;
    return refuse('RATE_LIMITED', `${cluster} reports too often; wait some seconds`).fault;
  }
}
