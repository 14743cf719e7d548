import { fullJitterMs } from '../../../base/backoff.ts';
import { Beat } from '../../../base/beat.ts';
import { pause } from '../../../base/pause.ts';
import { signingKeyPairOf, wipeKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { TrackId } from '../../../proto/ids.ts';
import type { ReleaseTarget } from '../../../proto/release/documents/catalogue.ts';
import { type InstallReport, signInstallReport } from '../../../proto/release/install-report.ts';
import { type ShadowReport, signShadowReport } from '../../../proto/release/shadow-report.ts';
import type { AgentPorts, AgentTimes, IdentityOf } from '../agent-ports.ts';
import type { ReportCalls, ReportOutbox } from './report-outbox.ts';

/** What became of a release, before it is dated and signed. */
export type Word = Readonly<{
  track: TrackId;
  target: ReleaseTarget;
  outcome: InstallReport['outcome'];
  faultCode: string;
  pinsVersion: number;
}>;

/** The word as a cluster's report, dated and not signed yet. */
export function installReportOf(
  { track, target, outcome, faultCode, pinsVersion }: Word,
  { federation, cluster }: Pick<InstallReport, 'federation' | 'cluster'>,
  atMs: number,
): InstallReport {
  return {
    federation,
    cluster,
    track,
    version: target.version,
    manifestDigest: target.manifest.digest,
    outcome,
    faultCode: faultCode.slice(0, 64),
    pinsVersion,
    atMs,
  };
}

/** Signs the agent's reports and sends them, oldest first, until each is journalled. */
export class Reporter {
  readonly #outbox: ReportOutbox;
  readonly #ports: AgentPorts;
  readonly #times: AgentTimes;
  readonly #signal: AbortSignal;
  #identity: IdentityOf | undefined;
  #calls: ReportCalls | undefined;
  readonly #beat: Beat;

  constructor(outbox: ReportOutbox, ports: AgentPorts, times: AgentTimes, signal: AbortSignal) {
    this.#outbox = outbox;
    this.#ports = ports;
    this.#times = times;
    this.#signal = signal;
    this.#beat = new Beat({ work: () => this.#send(), timers: ports.timers });
  }

  get waiting(): number {
    return this.#outbox.waiting;
  }

  /** Whom the reports are from; before that nothing can be signed. */
  speakFor(identity: IdentityOf): void {
    this.#identity = identity;
  }

  connected(calls: ReportCalls | undefined): void {
    this.#calls = calls;
    this.flush();
  }

  async acknowledge(word: Word): Promise<void> {
    if (this.#identity === undefined) return;
    const identity = this.#identity();
    const report = installReportOf(word, identity, this.#ports.timers.now());
    const signature = signed(identity.signingSeed, (pair) => signInstallReport(report, pair));
    await this.#outbox.add({ kind: 'install', report, signature });
    this.flush();
  }

  async reportShadow(report: ShadowReport): Promise<void> {
    if (this.#identity === undefined) return;
    const signature = signed(this.#identity().signingSeed, (pair) => signShadowReport(report, pair));
    await this.#outbox.add({ kind: 'shadow', report, signature });
    this.flush();
  }

  flush(): void {
    this.#beat.wake();
  }

  /** Resolves once everything that can be sent now was sent. */
  settled(): Promise<void> {
    return this.#beat.settled();
  }

  /** Tries until all is sent, or there is nobody to send it to: whoever waits for `settled` waits for that. */
  async #send(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const calls = this.#calls;
      if (calls === undefined || this.#signal.aborted) return;
      const flushed = await this.#outbox.flush(calls, {
        timeoutMs: this.#times.callTimeoutMs,
        signal: this.#signal,
        onSent: ({ sent, result }) => {
          if (!result.ok) this.#ports.report({ kind: 'reportRefused', fault: result.fault });
          else if (sent.kind === 'install') {
            this.#ports.report({ kind: 'acknowledged', report: sent.report, sequence: result.value });
          } else this.#ports.report({ kind: 'shadowReported', report: sent.report, sequence: result.value });
        },
      });
      if (flushed.ok) return;
      await pause(this.#ports.timers, fullJitterMs(this.#times.retry, attempt, this.#ports.unit()), this.#signal);
    }
  }
}

function signed(seed: Uint8Array, sign: (pair: ReturnType<typeof signingKeyPairOf>) => Buffer): string {
  const pair = signingKeyPairOf(seed);
  try {
    return sign(pair).toString('base64');
  } finally {
    wipeKeyPair(pair);
  }
}
