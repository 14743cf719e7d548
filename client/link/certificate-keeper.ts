import { type Backoff, fullJitterMs } from '../../base/backoff.ts';
import { backdateMs } from '../../base/certificates/backdate.ts';
import { type Fault, type Result, refuse } from '../../base/fault.ts';
import { clockSentence } from '../../base/text/clock-sentence.ts';
import type { EpochMs, Timers } from '../../base/time.ts';
import { expiryOf, renewalDueMs } from './certificates.ts';
import type { Recovery } from './coming-back.ts';
import type { ClusterIdentity } from './identity-store.ts';

/** What happens to a certificate, for logs, metrics and tests. */
export type CertificateReport = Readonly<
  | { kind: 'renewed'; expiresAtMs: EpochMs }
  | { kind: 'renewalFailed'; fault: Fault; expiresAtMs: EpochMs }
  /** Said once, with what is done about it. */
  | { kind: 'certificateEnded'; fault: Fault<'CERTIFICATE_ENDED'> }
  | { kind: 'comingBackFailed'; fault: Fault; retryInMs: number }
  /** It goes on in memory, and is tried again. */
  | { kind: 'identityUnsaved'; fault: Fault<'IDENTITY_UNWRITABLE'> }
  | { kind: 'cameBack'; by: 'signingKey' | 'token'; expiresAtMs: EpochMs }
  /** Our clock minus the coordinator's, when it begins to matter, changes, or does not matter any more. */
  | { kind: 'clockDiffers'; aheadMs: number; matters: boolean }
>;

export type CertificateKeeperParts = Readonly<{
  identity: ClusterIdentity;
  timers: Timers;
  /** Tries to get back in. */
  recover(identity: ClusterIdentity): Promise<Recovery>;
  /** Makes an identity durable. */
  save(identity: ClusterIdentity): Promise<void>;
  report(event: CertificateReport): void;
  /** Random in [0, 1). */
  unit(): number;
  /** Pauses between attempts that an operator's help alone could change; ten times as long at most. */
  reconnect: Backoff;
  /** How often it is asked whether a renewal is due. */
  tickMs: number;
}>;

const clockChangeMs = 60_000;
const renewalPauseMsMax = 10 * 60_000;
/** At most so many renewals in a certificate's life, whatever any clock says. */
const renewalsPerLifeMax = 6;

/** A coordinator that does not answer is asked for its time before every fourth connection: asking takes time, too. */
const askEvery = 4;

/** Refusals that a new certificate, or a new token, may cure. */
const shutOut: ReadonlySet<string> = new Set([
  'CERTIFICATE_EXPIRED',
  'CERTIFICATE_SUPERSEDED',
  'CLUSTER_REVOKED',
  'CLUSTER_NOT_ENROLLED',
]);

/**
 * Keeps this cluster's certificate: renews it in time, notices when it has ended, and gets back in. What time it is for a
 * certificate is the coordinator's to say; our own clock stands in until it has, and no answer is waited for by it.
 */
export class CertificateKeeper {
  readonly #parts: CertificateKeeperParts;
  #identity: ClusterIdentity;
  #expiresAtMs: EpochMs;
  /** The coordinator's clock minus ours; undefined before it was told. */
  #offsetMs: number | undefined;
  #reportedAheadMs = 0;
  #saidEnded = false;
  /** Why we were not let back in, the last time. */
  #kept: Fault | undefined;
  #failedReturns = 0;
  #failedRenewals = 0;
  /** By the steady clock. */
  #renewNotBeforeMs = 0;
  #renewing = false;
  /** Its own disk did not take the identity. */
  #isUnsaved = false;

  constructor(parts: CertificateKeeperParts) {
    this.#parts = parts;
    this.#identity = parts.identity;
    this.#expiresAtMs = expiryOf(parts.identity.chainPem);
  }

  get identity(): ClusterIdentity {
    return this.#identity;
  }

  get expiresAtMs(): EpochMs {
    return this.#expiresAtMs;
  }

  /** The coordinator's time, as far as it told it. */
  get coordinatorNowMs(): EpochMs {
    return this.#parts.timers.now() + (this.#offsetMs ?? 0);
  }

  get hasEnded(): boolean {
    return this.coordinatorNowMs >= this.#expiresAtMs;
  }

  /** What people should know: that it has ended, why we are not let back in, and that a clock is wrong. */
  get why(): readonly string[] {
    const fault = this.hasEnded ? this.#endedFault() : undefined;
    const faults = [fault, fault && this.#kept].flatMap((one) =>
      one === undefined ? [] : [`${one.code}: ${one.message}`],
    );
    return this.#reportedAheadMs === 0 ? faults : [...faults, clockSentence(this.#reportedAheadMs)];
  }

  /** The coordinator said what time it is. */
  told(coordinatorNowMs: EpochMs): void {
    this.#offsetMs = coordinatorNowMs - this.#parts.timers.now();
    this.#compare(-this.#offsetMs);
  }

  /** It said one that cannot be: nothing goes by that, and people hear of it all the same. */
  disbelieved(coordinatorNowMs: EpochMs): void {
    this.#compare(this.#parts.timers.now() - coordinatorNowMs);
  }

  #compare(aheadMs: number): void {
    const matters = Math.abs(aheadMs) > backdateMs;
    const mattered = this.#reportedAheadMs !== 0;
    if (!matters && !mattered) return;
    if (matters && mattered && Math.abs(aheadMs - this.#reportedAheadMs) < clockChangeMs) return;
    this.#reportedAheadMs = matters ? aheadMs : 0;
    this.#parts.report({ kind: 'clockDiffers', aheadMs, matters });
  }

  /** Renews when two thirds of the certificate's life are over. Whether there is a new one. */
  async renewWhenDue(renew: (identity: ClusterIdentity) => Promise<Result<ClusterIdentity>>): Promise<boolean> {
    if (this.#renewing) return false;
    this.#renewing = true;
    try {
      if (this.#isUnsaved) await this.#save();
      return await this.#renewIfDue(renew);
    } finally {
      this.#renewing = false;
    }
  }

  async #renewIfDue(renew: (identity: ClusterIdentity) => Promise<Result<ClusterIdentity>>): Promise<boolean> {
    const { timers, tickMs, report } = this.#parts;
    const { chainPem } = this.#identity;
    if (timers.monotonicMs() < this.#renewNotBeforeMs) return false;
    if (this.coordinatorNowMs < renewalDueMs(chainPem)) return false;
    const renewed = await renew(this.#identity);
    if (renewed.ok) {
      this.#failedRenewals = 0;
      await this.#adopt(renewed.value);
      this.#notBefore((3 * (this.#expiresAtMs - renewalDueMs(renewed.value.chainPem))) / renewalsPerLifeMax);
      report({ kind: 'renewed', expiresAtMs: this.#expiresAtMs });
      return true;
    }
    const leftMs = this.#expiresAtMs - this.coordinatorNowMs;
    const backoff = { firstMs: tickMs, maxMs: renewalPauseMsMax };
    // A twentieth of what is left, so that many attempts fit before the end; after it they grow rarer.
    this.#notBefore(Math.max(tickMs, leftMs > 0 ? leftMs / 20 : fullJitterMs(backoff, this.#failedRenewals, 1)));
    this.#failedRenewals += 1;
    report({ kind: 'renewalFailed', fault: renewed.fault, expiresAtMs: this.#expiresAtMs });
    return false;
  }

  /**
   * Before a connection: looks whether the certificate is what keeps us out, and mends it where it can. Milliseconds until
   * it is worth connecting.
   */
  async prepare(failedAttempts: number, lastCode: string | undefined): Promise<number> {
    const isTimeToAsk = failedAttempts % askEvery === 2;
    if (!this.hasEnded && !isTimeToAsk && !shutOut.has(lastCode ?? '')) return 0;
    const { recover, report, reconnect, unit } = this.#parts;
    // By our own clock alone it is a guess: the coordinator is asked first.
    if (this.#offsetMs !== undefined) this.#sayEnded();
    const recovery = await recover(this.#identity);
    if (recovery.coordinatorNowMs !== undefined) this.told(recovery.coordinatorNowMs);
    this.#sayEnded();
    if (recovery.kind === 'inForce') return 0;
    if (recovery.kind === 'restored') {
      await this.#adopt(recovery.identity);
      this.#failedReturns = 0;
      this.#kept = undefined;
      this.#saidEnded = false;
      report({ kind: 'cameBack', by: recovery.by, expiresAtMs: this.#expiresAtMs });
      return 0;
    }
    if (!this.hasEnded && !shutOut.has(lastCode ?? '')) return 0; // The connection itself says best what is wrong.
    const pauses = { ...reconnect, maxMs: reconnect.maxMs * (recovery.final ? 10 : 1) };
    const retryInMs = recovery.final ? fullJitterMs(pauses, this.#failedReturns + 4, 0.5 + unit() / 2) : 0;
    this.#failedReturns += 1;
    this.#kept = recovery.fault;
    report({ kind: 'comingBackFailed', fault: recovery.fault, retryInMs });
    return retryInMs;
  }

  #sayEnded(): void {
    if (!this.hasEnded || this.#saidEnded) return;
    this.#saidEnded = true;
    this.#parts.report({ kind: 'certificateEnded', fault: this.#endedFault() });
  }

  #endedFault(): Fault<'CERTIFICATE_ENDED'> {
    const endedAtMs = this.#expiresAtMs;
    const help = 'a new one is asked for by the signing key; where that is refused, put a new join token in place';
    const message = `this cluster's certificate ended ${new Date(endedAtMs).toISOString()}: ${help}`;
    return refuse('CERTIFICATE_ENDED', message, { endedAtMs }).fault;
  }

  /** Also where no disk takes it: the certificate before it may count for nothing already, and a restart comes back by the signing key. */
  async #adopt(identity: ClusterIdentity): Promise<void> {
    this.#identity = identity;
    this.#expiresAtMs = expiryOf(identity.chainPem);
    await this.#save();
  }

  async #save(): Promise<void> {
    const wasUnsaved = this.#isUnsaved;
    try {
      await this.#parts.save(this.#identity);
      this.#isUnsaved = false;
    } catch (error) {
      this.#isUnsaved = true;
      const { code, message } = error as NodeJS.ErrnoException;
      const what = `the new certificate is in force, and the disk does not take it (${code ?? message})`;
      const { fault } = refuse('IDENTITY_UNWRITABLE', `${what}: make room in the data directory before a restart`);
      if (!wasUnsaved) this.#parts.report({ kind: 'identityUnsaved', fault });
    }
  }

  #notBefore(inMs: number): void {
    this.#renewNotBeforeMs = this.#parts.timers.monotonicMs() + inMs;
  }
}
