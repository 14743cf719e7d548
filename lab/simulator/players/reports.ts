import { fullJitterMs } from '../../../base/backoff.ts';
import type { Fault } from '../../../base/fault.ts';
import { installReportOf, type Word } from '../../../client/releases/reports/reporter.ts';
import { verdictFor } from '../../../client/rounds/verdict.ts';
import type { TrackId } from '../../../proto/ids.ts';
import { signInstallReport } from '../../../proto/release/install-report.ts';
import { type ShadowReport, signShadowReport } from '../../../proto/release/shadow-report.ts';
import type { KeptReport } from '../ground/cluster-image.ts';
import type { ClientLife } from './client-life.ts';

const retry = { firstMs: 1_000, maxMs: 300_000 };
const callTimeoutMs = 20_000;
const keptMax = 32;

/** An agent's reports on their way to the journal, oldest first: report-outbox.ts over simulated ground. */
export class Reports {
  readonly #life: ClientLife;
  readonly #address: () => number;
  #isConnected = false;
  #isSending = false;
  #shadowSinceMs = 0;

  constructor(life: ClientLife, address: () => number) {
    this.#life = life;
    this.#address = address;
  }

  connected(isSo: boolean): void {
    this.#isConnected = isSo;
    this.#flush();
  }

  async acknowledge(word: Word): Promise<void> {
    const { key, process } = this.#life;
    const report = installReportOf(word, this.#life, process.timers.now());
    await this.#keep({ kind: 'install', report, signature: signInstallReport(report, key) });
  }

  shadowStarts(nowMs: number): void {
    this.#shadowSinceMs = nowMs;
  }

  /** What the version in shadow was seen to do: good versions agree, one in eight does not. */
  async shadow(what: Readonly<{ track: TrackId; version: number; liveVersion: number }>): Promise<void> {
    const { federation, cluster, key, process } = this.#life;
    const nowMs = process.timers.now();
    const durationMs = Math.max(0, nowMs - this.#shadowSinceMs);
    const scoredCount = Math.floor(durationMs / 1_000);
    const isBad = what.version % 8 === 5;
    const report: ShadowReport = {
      federation,
      cluster,
      ...what,
      durationMs,
      scoredCount,
      agreedCount: isBad ? 0 : scoredCount,
      shadowAlertCount: 0,
      liveAlertCount: 0,
      recalls: [],
      falsePositiveCaseCount: 0,
      shadowFalsePositiveCount: 0,
      liveFalsePositiveCount: 0,
      shadowLatencyUs: 10,
      liveLatencyUs: 10,
      atMs: nowMs,
    };
    await this.#keep({ kind: 'shadow', report, signature: signShadowReport(report, key) });
  }

  async #keep(kept: KeptReport): Promise<void> {
    const { disk, process, image } = this.#life;
    const isSameRun = (one: KeptReport) => one.kind === 'shadow' && one.report.version === kept.report.version;
    const others = image.reports.filter((one) => !(kept.kind === 'shadow' && isSameRun(one)));
    const next = [...others, kept].slice(-keptMax);
    await disk.operate(process, 'write', (part) => {
      if (part === 1) image.reports = next;
    });
    this.#flush();
  }

  #flush(): void {
    if (this.#isSending || !this.#isConnected) return;
    this.#isSending = true;
    void this.#send().then(() => {
      this.#isSending = false;
    });
  }

  async #send(): Promise<void> {
    const { image, network, process, link, draws, cluster } = this.#life;
    for (let attempt = 0; this.#isConnected; ) {
      const [next] = image.reports;
      if (next === undefined) return;
      const sent = await network.call(process, link, this.#address(), callTimeoutMs, ({ services }) => {
        const { reports } = services.registry;
        if (next.kind === 'install') return reports.acknowledge(next.report, next.signature);
        return reports.reportShadow(next.report, next.signature);
      });
      if (sent.ok || !isPassing(sent.fault)) {
        image.reports = image.reports.filter((one) => one !== next);
        attempt = 0;
        continue;
      }
      const waitMs = fullJitterMs(retry, attempt, draws.of(`unit ${cluster}`)());
      attempt += 1;
      await new Promise<void>((resolve) => process.timers.after(waitMs, resolve));
    }
  }
}

function isPassing(fault: Fault): boolean {
  return verdictFor(fault) === 'retry';
}
