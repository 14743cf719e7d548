import { type Fault, ok, type Result, refuse } from '../../../base/fault.ts';
import { RateLimiter } from '../../../base/serving/rate-limit.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import { type InstallReport, verifyInstallReport } from '../../../proto/release/install-report.ts';
import { type ShadowReport, verifyShadowReport } from '../../../proto/release/shadow-report.ts';
import type { Actor } from '../../ledger/journal/events.ts';
import { reportOf } from '../../ledger/state/fold-release.ts';
import { agentKey, releaseOf } from '../../ledger/state/releasing.ts';
import type { State } from '../../ledger/state/state.ts';
import type { Store, StoreFaultCode } from '../../ledger/store.ts';

export type ReportFaultCode =
  | 'REPORT_INVALID'
  | 'SIGNATURE_INVALID'
  | 'KEY_INVALID'
  | 'CLUSTER_NOT_ENROLLED'
  | 'CLUSTER_QUARANTINED'
  | 'TRACK_NOT_FOUND'
  | 'VERSION_NOT_FOUND'
  | 'DIGEST_MISMATCH'
  | 'GATE_NOT_OPEN'
  | 'RATE_LIMITED';

type ReportResult = Promise<Result<number, ReportFaultCode | StoreFaultCode>>;

/** A cluster's reports on all its tracks: enough for an hour of trouble, too few to fill a disk. */
const limit = { burst: 256, refillMs: 5_000, keysMax: 100_000 };

/** What agents say, once it is checked to be theirs: journalled, and folded into what operators and gates see. */
export class AgentReports {
  readonly #store: Store;
  readonly #clock: () => EpochMs;
  readonly #limiter = new RateLimiter(limit);

  constructor(store: Store, clock: () => EpochMs) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Returns the report's position in the journal; the same report again, what it had. */
  async acknowledge(report: InstallReport, signature: Uint8Array): ReportResult {
    const { cluster, track, version, manifestDigest, outcome, faultCode, pinsVersion, atMs } = report;
    const state = this.#store.state();
    const trusted = this.#check(state, cluster, (key) => verifyInstallReport(report, signature, key));
    if (!trusted.ok) return trusted;
    const known = this.#release(state, report);
    // A refusal may be of a version or a manifest that is not ours: that is what it tells us.
    if (!known.ok && (outcome !== 'refused' || known.fault.code === 'TRACK_NOT_FOUND')) return known;
    if (known.ok && outcome !== 'refused' && known.value.manifestDigest !== manifestDigest) {
      return refuse('DIGEST_MISMATCH', `version ${version} of ${track} has another manifest; fetch the metadata again`);
    }
    const before = state.agents.get(agentKey(cluster, track));
    if (before !== undefined && before.lastReport === reportOf(report)) return ok(before.sequence);
    const limited = this.#take(cluster);
    if (limited !== undefined) return { ok: false, fault: limited };
    const kept = await this.#store.commit<void, never>(by(cluster), () =>
      ok({
        events: [
          {
            kind: 'releaseAcknowledged',
            cluster,
            track,
            version,
            manifestDigest,
            outcome,
            faultCode,
            pinsVersion,
            reportedAtMs: atMs,
            signature: Buffer.from(signature).toString('base64'),
          },
        ],
        value: undefined,
      }),
    );
    return kept.ok ? ok(kept.value.entries.at(-1)?.seq ?? 0) : kept;
  }

  /** Each report replaces the cluster's earlier one on the same version. */
  async reportShadow(wire: ShadowReport, signature: Uint8Array): ReportResult {
    const { federation: _, track, version, atMs, ...counts } = wire;
    const { cluster } = wire;
    const state = this.#store.state();
    const trusted = this.#check(state, cluster, (key) => verifyShadowReport(wire, signature, key));
    if (!trusted.ok) return trusted;
    const known = this.#release(state, wire);
    if (!known.ok) return known;
    const limited = this.#take(cluster);
    if (limited !== undefined) return { ok: false, fault: limited };
    const kept = await this.#store.commit<void, 'GATE_NOT_OPEN'>(by(cluster), (now) => {
      const gate = now.tracks.get(track)?.releasing.gates[version];
      if (gate === undefined) {
        return refuse('GATE_NOT_OPEN', `version ${version} of ${track} was never in front of the gate`);
      }
      const report = { ...counts, reportedAtMs: atMs };
      const signed = Buffer.from(signature).toString('base64');
      return ok({ events: [{ kind: 'shadowReported', track, version, report, signature: signed }], value: undefined });
    });
    return kept.ok ? ok(kept.value.entries.at(-1)?.seq ?? 0) : kept;
  }

  #check(
    state: State,
    cluster: ClusterId,
    verify: (key: Uint8Array) => Result<unknown, ReportFaultCode>,
  ): Result<void, ReportFaultCode> {
    const member = state.clusters.get(cluster);
    if (member === undefined) return refuse('CLUSTER_NOT_ENROLLED', `${cluster} is not enrolled`);
    if (member.quarantined)
      return refuse('CLUSTER_QUARANTINED', `${cluster} is in quarantine: its word does not count`);
    const verified = verify(Buffer.from(member.signingKey, 'base64'));
    return verified.ok ? ok(undefined) : verified;
  }

  #release({ tracks }: State, { track, version }: Readonly<{ track: string; version: number }>) {
    const known = tracks.get(track as InstallReport['track']);
    if (known === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${track}`);
    const release = releaseOf(known.releasing, version);
    return release === undefined
      ? refuse('VERSION_NOT_FOUND', `track ${track} has no release ${version}`)
      : ok(release);
  }

  #take(cluster: ClusterId): Fault<'RATE_LIMITED'> | undefined {
    if (this.#limiter.take(cluster, this.#clock())) return undefined;
    return refuse('RATE_LIMITED', `${cluster} reports too often; wait some seconds`).fault;
  }
}

function by(cluster: ClusterId): Actor {
  return { kind: 'cluster', cluster };
}
