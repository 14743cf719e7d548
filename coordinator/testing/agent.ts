import type { ClientReadableStream } from '@grpc/grpc-js';
import { ok, type Result, unwrap } from '../../base/fault.ts';
import {
  type FetchFileResponse,
  InstallOutcome,
  ReleasesClient,
  type SubscribeResponse,
} from '../../proto/generated/testudo/v1/releases.ts';
import type { ClusterId, Digest, FederationId, TrackId } from '../../proto/ids.ts';
import { type InstallReport, signInstallReport } from '../../proto/release/install-report.ts';
import { type ShadowReport, signShadowReport } from '../../proto/release/shadow-report.ts';
import { anchorTrust, type ReleaseTrust } from '../../proto/release/trust.ts';
import { type ReleaseProposal, walkReleases } from '../../proto/release/walk.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';
import type { Coordinator } from '../coordinator.ts';
import { faultOf, settle, type TestCluster } from './cluster.ts';

const options = { 'grpc.ssl_target_name_override': coordinatorServerName, 'grpc.use_local_subchannel_pool': 1 };

const wireOutcomes = {
  installed: InstallOutcome.INSTALL_OUTCOME_INSTALLED,
  shadowing: InstallOutcome.INSTALL_OUTCOME_SHADOWING,
  refused: InstallOutcome.INSTALL_OUTCOME_REFUSED,
  kept: InstallOutcome.INSTALL_OUTCOME_KEPT,
} as const;

/** A release agent that speaks the contract by hand and verifies with the real walk; it installs nothing. */
export class TestAgent {
  readonly received: SubscribeResponse[] = [];
  readonly client: ReleasesClient;
  streamFault: Promise<string> = new Promise(() => {});
  trust: ReleaseTrust | undefined;
  readonly #member: TestCluster;
  readonly #federation: FederationId;
  #stream: ClientReadableStream<SubscribeResponse> | undefined;
  #wake: () => void = () => {};

  constructor(member: TestCluster, { addresses, engine }: Coordinator) {
    this.#member = member;
    this.#federation = engine.federation;
    this.client = new ReleasesClient(addresses.federation, member.credentials, options);
  }

  subscribe(tracks: readonly string[], rootVersion = 0): void {
    const stream = this.client.subscribe({ tracks: [...tracks], rootVersion });
    this.#stream = stream;
    stream.on('data', (response: SubscribeResponse) => {
      this.received.push(response);
      this.#wake();
    });
    this.streamFault = new Promise((resolve) => {
      stream.on('error', (error) => {
        const fault = faultOf(error as never);
        resolve(fault.ok ? '' : fault.fault.code);
      });
    });
  }

  /** Walks every set that came, in order, as an agent does; the last proposal. Anchors trust at the first root. */
  walked(nowMs = Date.now()): Result<ReleaseProposal | null> {
    let last: Result<ReleaseProposal | null> = ok(null);
    for (const set of this.received.splice(0)) {
      this.trust ??= unwrap(anchorTrust(set.roots[0] as Buffer));
      const { rooted, result } = walkReleases(this.trust, set, nowMs);
      this.trust = rooted;
      if (result.ok && result.value !== null) this.trust = result.value.next;
      last = result;
      if (!result.ok) return last;
    }
    return last;
  }

  /** Resolves with the first walked proposal of which `holds` is true; every set on the way must verify. */
  async until(holds: (proposal: ReleaseProposal) => boolean): Promise<ReleaseProposal> {
    for (;;) {
      if (this.received.length === 0) {
        const news = new Promise<undefined>((resolve) => {
          this.#wake = () => resolve(undefined);
        });
        const fault = await Promise.race([news, this.streamFault]);
        if (fault !== undefined) throw new Error(`the stream of releases ended: ${fault}`);
      }
      const proposal = unwrap(this.walked());
      if (proposal !== null && holds(proposal)) return proposal;
    }
  }

  async fetch(digest: Digest, offset = 0): Promise<Result<Buffer>> {
    const stream = this.client.fetchFile({ digest, offset: BigInt(offset), encodings: [] });
    const chunks: Buffer[] = [];
    return new Promise((resolve) => {
      stream.on('data', ({ chunk }: FetchFileResponse) => chunks.push(chunk));
      stream.on('end', () => resolve(ok(Buffer.concat(chunks))));
      stream.on('error', (error) => resolve(faultOf(error as never)));
    });
  }

  /** `change` may spoil the message after it was signed. */
  async acknowledge(
    report: Partial<InstallReport> & Pick<InstallReport, 'track' | 'version' | 'manifestDigest'>,
    change: (signature: Buffer) => Buffer = (signature) => signature,
  ): Promise<Result<number>> {
    const whole: InstallReport = {
      federation: this.#federation,
      cluster: this.#member.name as ClusterId,
      outcome: 'installed',
      faultCode: '',
      pinsVersion: 0,
      atMs: Date.now(),
      ...report,
    };
    const signature = change(signInstallReport(whole, this.#member.signing));
    const { federation: _, cluster: __, outcome, version, atMs, ...rest } = whole;
    const message = {
      ...rest,
      outcome: wireOutcomes[outcome],
      version: BigInt(version),
      atMs: BigInt(atMs),
      signature,
    };
    const answer = await settle<{ sequence: bigint }>((callback) => this.client.acknowledge(message, callback));
    return answer.ok ? ok(Number(answer.value.sequence)) : answer;
  }

  async reportShadow(
    report: Partial<ShadowReport> & Readonly<{ track: TrackId; version: number; liveVersion: number }>,
  ): Promise<Result<number>> {
    const whole: ShadowReport = {
      federation: this.#federation,
      cluster: this.#member.name as ClusterId,
      durationMs: 0, // No longer than any gate has been open.
      scoredCount: 1_000,
      agreedCount: 1_000,
      shadowAlertCount: 0,
      liveAlertCount: 0,
      recalls: [],
      falsePositiveCaseCount: 0,
      shadowFalsePositiveCount: 0,
      liveFalsePositiveCount: 0,
      shadowLatencyUs: 1,
      liveLatencyUs: 1,
      atMs: Date.now(),
      ...report,
    };
    const signature = signShadowReport(whole, this.#member.signing);
    const answer = await settle<{ sequence: bigint }>((callback) =>
      this.client.reportShadow(
        {
          track: whole.track,
          version: BigInt(whole.version),
          liveVersion: BigInt(whole.liveVersion),
          durationMs: BigInt(whole.durationMs),
          scoredCount: BigInt(whole.scoredCount),
          agreedCount: BigInt(whole.agreedCount),
          shadowAlertCount: BigInt(whole.shadowAlertCount),
          liveAlertCount: BigInt(whole.liveAlertCount),
          recalls: [...whole.recalls],
          falsePositiveCaseCount: whole.falsePositiveCaseCount,
          shadowFalsePositiveCount: whole.shadowFalsePositiveCount,
          liveFalsePositiveCount: whole.liveFalsePositiveCount,
          shadowLatencyUs: BigInt(whole.shadowLatencyUs),
          liveLatencyUs: BigInt(whole.liveLatencyUs),
          atMs: BigInt(whole.atMs),
          signature,
        },
        callback,
      ),
    );
    return answer.ok ? ok(Number(answer.value.sequence)) : answer;
  }

  close(): void {
    this.#stream?.on('error', () => {}); // Cancelling is one.
    this.#stream?.cancel();
    this.client.close();
  }
}
