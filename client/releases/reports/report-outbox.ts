import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../../base/atomic-file.ts';
import type { Fault, Result } from '../../../base/fault.ts';
import { Turns } from '../../../base/waiting/turns.ts';
import type { CallFaultCode } from '../../../proto/call.ts';
import { checkInstallReport, type InstallReport } from '../../../proto/release/install-report.ts';
import { checkShadowReport, type ShadowReport } from '../../../proto/release/shadow-report.ts';
import { verdictFor } from '../../rounds/verdict.ts';
import type { ReleaseCalls } from '../release-calls.ts';

export type ReportCalls = Pick<ReleaseCalls, 'acknowledge' | 'reportShadow'>;

/** A signed report on its way to the journal. */
export type OutgoingReport = Readonly<
  | { kind: 'install'; report: InstallReport; signature: string }
  | { kind: 'shadow'; report: ShadowReport; signature: string }
>;

export type SentReport = Readonly<{ sent: OutgoingReport; result: Result<number, CallFaultCode> }>;

/** Weeks offline: the newest reports are what an operator needs. */
const keptMax = 256;

const stored = z.array(
  z.strictObject({ kind: z.enum(['install', 'shadow']), report: z.unknown(), signature: z.base64() }),
);

/** Reports that were signed and not yet journalled, on disk and in order. */
export class ReportOutbox {
  readonly #path: string;
  #waiting: readonly OutgoingReport[];
  readonly #writing = new Turns();

  private constructor(path: string, waiting: readonly OutgoingReport[]) {
    this.#path = path;
    this.#waiting = waiting;
  }

  static async open(path: string): Promise<ReportOutbox> {
    return new ReportOutbox(path, await readReports(path));
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Keeps a report until it was journalled. A shadow report replaces the earlier one on the same release. */
  async add(added: OutgoingReport): Promise<void> {
    const others = this.#waiting.filter((one) => !(added.kind === 'shadow' && isSameRun(one, added)));
    this.#waiting = [...others, added].slice(-keptMax);
    await this.#save();
  }

  /**
   * Sends what waits, oldest first, and stops at the first that may yet succeed later. What is refused for good is
   * dropped: repeating it helps nobody. Returns whether all is done.
   */
  async flush(
    calls: ReportCalls,
    options: Readonly<{ timeoutMs: number; signal: AbortSignal; onSent: (sent: SentReport) => void }>,
  ): Promise<Result<undefined, CallFaultCode>> {
    const before = this.#waiting.length;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const sending = next;
      const result = await send(calls, sending, options.timeoutMs, options.signal);
      if (!result.ok && isPassing(result.fault)) {
        if (this.#waiting.length < before) await this.#saveIfItCan();
        return result;
      }
      options.onSent({ sent: sending, result });
      this.#waiting = this.#waiting.filter((one) => one !== sending);
    }
    if (before > 0) await this.#saveIfItCan();
    return { ok: true, value: undefined };
  }

  /**
   * After reports were sent. A disk that takes nothing then costs nothing: it holds them still, and what is sent again after a
   * restart is journalled once all the same.
   */
  async #saveIfItCan(): Promise<void> {
    await this.#save().catch(() => undefined);
  }

  /** One write at a time, each of what is then true: one that failed keeps no later one from the disk. */
  #save(): Promise<void> {
    return this.#writing.take(() => writeFileAtomic(this.#path, JSON.stringify(this.#waiting)));
  }
}

/** A coordinator that serves no releases today may do so after its next update. */
function isPassing(fault: Fault): boolean {
  return fault.code === 'NOT_SERVED' || fault.code === 'GRPC_UNIMPLEMENTED' || verdictFor(fault) === 'retry';
}

function send(
  calls: ReportCalls,
  { kind, report, signature }: OutgoingReport,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Result<number, CallFaultCode>> {
  const signed = Buffer.from(signature, 'base64');
  if (kind === 'install') return calls.acknowledge(report, signed, { timeoutMs, signal });
  return calls.reportShadow(report, signed, { timeoutMs, signal });
}

function isSameRun(a: OutgoingReport, b: OutgoingReport): boolean {
  return a.kind === b.kind && a.report.track === b.report.track && a.report.version === b.report.version;
}

/** What cannot be read is not sent: the next set of metadata brings a report of its own. */
async function readReports(path: string): Promise<readonly OutgoingReport[]> {
  let candidate: unknown;
  try {
    candidate = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return [];
    throw error;
  }
  const parsed = stored.safeParse(candidate);
  if (!parsed.success) return [];
  return parsed.data.flatMap(({ kind, report, signature }): OutgoingReport[] => {
    if (kind === 'install') {
      const checked = checkInstallReport(report);
      return checked.ok ? [{ kind, report: checked.value, signature }] : [];
    }
    const checked = checkShadowReport(report);
    return checked.ok ? [{ kind, report: checked.value, signature }] : [];
  });
}
