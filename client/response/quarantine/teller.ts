import { Beat } from '../../../base/beat.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { Log } from '../../../base/log.ts';
import type { Timers } from '../../../base/time.ts';
import { checkEvidenceReceipt, verifyEvidenceReceipt } from '../../../proto/envelope/evidence-receipt.ts';
import type { Digest } from '../../../proto/ids.ts';
import type { ResponseCalls } from '../../link/response-calls.ts';
import type { ChainEnd } from '../chain-end.ts';
import { type KeptReceipt, keepReceipt, readReceipts } from '../evidence/receipts.ts';
import type { Breaker } from '../ladder/breaker.ts';

/** A breaker that the coordinator knows, or may know, to be open. */
export type ReportedBreaker = Readonly<{ track: string; version: number }>;

export type TellerPorts = Readonly<{
  /** Undefined while the hub is away. */
  calls(): ResponseCalls | undefined;
  /** The end of the chain of evidence, and whose signature it bears. */
  evidence(): Readonly<{ end: ChainEnd<Digest>; signer: Uint8Array }>;
  breaker(): Readonly<{ breaker: Breaker; reported: ReportedBreaker | null }>;
  /** Written before the next look. */
  onReported(reported: ReportedBreaker | null): Promise<unknown>;
  receiptFile: string;
  timers: Timers;
  log: Log;
}>;

/** Between two ends of the chain: the later one speaks for the earlier. */
const apartMs = 5_000;
const retryMs = 15_000;

/**
 * Tells the coordinator, by way of the hub, where the chain of evidence ends, for a receipt, and which version's alerts nobody acts on
 * any more. What cannot be told now is told when the hub is there again; nothing waits for it.
 */
export class Teller {
  readonly #ports: TellerPorts;
  readonly #beat: Beat;
  readonly #stopping = new AbortController();
  #receipts: readonly KeptReceipt[];
  #askedAtMs = Number.NEGATIVE_INFINITY;
  /** The connection that was asked through last, and when something could not be told. */
  #through: ResponseCalls | undefined;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #conflict = '';

  private constructor(ports: TellerPorts, receipts: readonly KeptReceipt[]) {
    this.#ports = ports;
    this.#receipts = receipts;
    const { timers, log } = ports;
    this.#beat = new Beat({
      work: () => this.#look(),
      failed: (error) => {
        log.error({ error }, 'what the coordinator should know could not be told');
        this.#retryLater();
      },
      timers,
      background: true,
    });
  }

  static async open(ports: TellerPorts): Promise<Teller> {
    return new Teller(ports, await readReceipts(ports.receiptFile));
  }

  /** Something may have changed. Cheap. */
  wake(): void {
    if (this.#ports.calls() !== undefined && this.#isDue()) this.#beat.wake();
  }

  /** May be called twice. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#beat.stop();
  }

  #isDue(): boolean {
    return this.#endToTell() !== undefined || this.#breakerToTell() !== undefined;
  }

  #endToTell() {
    const { end, signer } = this.#ports.evidence();
    if (end.digest === null || end.digest === this.#conflict) return undefined;
    return this.#receipts.some(({ receipt }) => receipt.digest === end.digest) ? undefined : { ...end, signer };
  }

  #breakerToTell() {
    const { breaker, reported } = this.#ports.breaker();
    const { open } = breaker;
    const isKnown = open?.track === reported?.track && open?.version === reported?.version;
    return isKnown ? undefined : { open, reported, closedAtMs: breaker.resumedAtMs };
  }

  async #look(): Promise<void> {
    const calls = this.#ports.calls();
    if (calls === undefined) return;
    const { timers } = this.#ports;
    // Every change in the cluster wakes: what has just failed is asked for again later, or through another connection.
    const quietMs = calls === this.#through ? this.#failedAtMs + retryMs - timers.monotonicMs() : 0;
    if (quietMs > 0) return this.#beat.wakeIn(quietMs);
    this.#through = calls;
    const told = await this.#tellBreaker(calls);
    const waitMs = this.#endToTell() === undefined ? 0 : this.#askedAtMs + apartMs - timers.monotonicMs();
    // A breaker that nobody takes keeps no evidence from its receipt.
    const receipted = waitMs > 0 ? ok(undefined) : await this.#askReceipt(calls);
    if (!told.ok || !receipted.ok) return this.#retryLater();
    if (waitMs > 0) this.#beat.wakeIn(waitMs);
    else if (this.#isDue()) this.#beat.wake();
  }

  #retryLater(): void {
    this.#failedAtMs = this.#ports.timers.monotonicMs();
    this.#beat.wakeIn(retryMs);
  }

  async #tellBreaker(calls: ResponseCalls): Promise<Result<unknown>> {
    const news = this.#breakerToTell();
    if (news === undefined) return ok(undefined);
    const { open, reported, closedAtMs } = news;
    // One version at a time: what was open for another is closed first.
    const isOpen = reported === null && open !== null;
    const about = isOpen ? open : reported;
    if (about === null) return ok(undefined);
    const counts = isOpen ? open?.counts : undefined;
    const answer = await calls.reportBreaker(
      {
        ...{ track: about.track, version: BigInt(about.version), open: isOpen },
        atMs: BigInt(Math.round(isOpen ? (open?.atMs ?? 0) : closedAtMs)),
        ...{ flaggedPodCount: counts?.flaggedPods ?? 0, podCount: counts?.pods ?? 0 },
        ...{ workloadCount: counts?.workloads ?? 0, withinMs: BigInt(Math.round(counts?.withinMs ?? 0)) },
      },
      this.#stopping.signal,
    );
    // A version that the coordinator does not know is nobody's to hold: an unsigned model's, or one long gone.
    const isOver = answer.ok || answer.fault.code === 'VERSION_NOT_FOUND' || answer.fault.code === 'TRACK_NOT_FOUND';
    if (!isOver) return answer;
    await this.#ports.onReported(isOpen ? { track: about.track, version: about.version } : null);
    this.#ports.log.info({ track: about.track, version: about.version, open: isOpen }, 'the gate knows of the breaker');
    return ok(undefined);
  }

  async #askReceipt(calls: ResponseCalls): Promise<Result<unknown>> {
    const due = this.#endToTell();
    if (due === undefined || due.digest === null) return ok(undefined);
    this.#askedAtMs = this.#ports.timers.monotonicMs();
    const { sequence: record, digest, signer } = due;
    const request = { signer: Buffer.from(signer), record: BigInt(record), digest };
    const answer = await calls.journalEvidence(request, this.#stopping.signal);
    if (!answer.ok) {
      if (answer.fault.code !== 'EVIDENCE_CONFLICT') return answer;
      this.#conflict = digest; // Asking again would change nothing: the next record may be another's business.
      this.#ports.log.error({ code: answer.fault.code, record }, 'the journal knows this chain of evidence otherwise');
      return ok(undefined);
    }
    const { federation, cluster, sequence, acceptedAtMs, signature, receiptKey } = answer.value;
    const said = { federation, cluster, signer: Buffer.from(signer).toString('hex'), record, digest };
    const checked = checkEvidenceReceipt({ ...said, sequence: Number(sequence), acceptedAtMs: Number(acceptedAtMs) });
    const verified = checked.ok ? verifyEvidenceReceipt(checked.value, signature, receiptKey) : checked;
    if (!verified.ok) return refuse('RECEIPT_INVALID', verified.fault.message);
    this.#receipts = await keepReceipt(this.#ports.receiptFile, this.#receipts, {
      ...{ receipt: verified.value, signature, key: receiptKey },
    });
    return ok(undefined);
  }
}
