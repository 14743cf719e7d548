import { type Fault, ok, type Refused, type Result, refuse } from '../../base/fault.ts';
import type { Log } from '../../base/log.ts';
import { networkOf } from '../../base/serving/network.ts';
import { RateLimiter } from '../../base/serving/rate-limit.ts';
import type { EpochMs, Timers } from '../../base/time.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { Facts } from '../ledger/store.ts';
import { type AuthenticationFaultCode, authenticate, type Caller, type Credential } from '../members/authenticate.ts';
import type { Access, CallRule } from './calls.ts';
import type { AccessFaultCode, CutFaultCode } from './faults.ts';
import type { OpenCalls } from './open-calls.ts';
import type { RefusalLog } from './refusal-meter.ts';
import { auditRefusal } from './refusals.ts';
import { actorOf, authorise, type CallerFor } from './roles.ts';
import { traceFields } from './trace-fields.ts';

/** What a transport knows of one call. */
export type IncomingCall = Readonly<{
  /** How logs call it. */
  name: string;
  /** The peer's address without its port: what a rate limit counts by. */
  address: string;
  /** What the transport has proven about its peer, or what stands in a certificate's place; undefined where there is neither. */
  certificate: Credential | undefined;
  /** The door that says so, in the place of a transport of ours. */
  door?: string | undefined;
  /** Told when the caller hangs up or its own deadline passes. */
  onHangUp(listener: () => void): void;
}>;

/** A call that was let in. */
export type Call<Kind extends Access> = Readonly<{
  caller: CallerFor<Kind>;
  actor: Actor;
  /** What the caller was let in by; undefined for strangers. */
  certificate: Credential | undefined;
  address: string;
  /** The door through which it came. */
  door: string | undefined;
  /** When it was let in. */
  nowMs: EpochMs;
  /** Milliseconds that have passed since then. */
  sinceMs: () => number;
  /** Aborts when the caller hangs up, the time is over, its certificate is void, or the coordinator drains. */
  signal: AbortSignal;
}>;

/** Of each limited call, far more than a federation has. */
const callersMax = 100_000;

type AccessParts = Readonly<{
  engine: Facts & RefusalLog;
  openCalls: OpenCalls;
  /** By peer address. */
  limiter: RateLimiter;
  timers: Timers;
  log: Log;
  /** Where the facts are another's, read along: makes them as new as this call. False where that cannot be. */
  catchUp?: () => Promise<boolean>;
  /** Whether they have become so old that nobody is let in by them either. */
  isOld?: () => boolean;
}>;

/**
 * What every call passes, whatever transport it comes by: who calls, whether they may, how often and for how long; and
 * every refusal audited, those of the work itself included.
 */
export class AccessControl {
  readonly #parts: AccessParts;
  readonly #meters = new Map<CallRule, RateLimiter>();

  constructor(parts: AccessParts) {
    this.#parts = parts;
  }

  async serve<Kind extends Access, Value, Code extends string>(
    rule: CallRule<Kind>,
    incoming: IncomingCall,
    work: (call: Call<Kind>) => Promise<Result<Value, Code>>,
  ): Promise<Result<Value, Code | CutFaultCode>> {
    const { name, address, certificate, door } = incoming;
    const { timers } = this.#parts;
    const nowMs = timers.now();
    const startedMs = timers.monotonicMs();
    const sinceMs = () => timers.monotonicMs() - startedMs;
    const abort = new AbortController();
    let cutBy: Fault<CutFaultCode> | undefined;
    const cut = (fault: Fault<CutFaultCode>) => {
      cutBy ??= fault;
      abort.abort(fault);
    };
    incoming.onHangUp(() => cut(fault('CALL_CANCELLED', 'the caller hung up or its deadline passed')));
    const known = this.#callerOf(rule.access, certificate, nowMs);
    const caller =
      known.ok && this.#parts.isOld?.() !== true ? known : await this.#asOfNow(known, rule.access, certificate, nowMs);
    const actor = actorOf(caller.ok ? caller.value : undefined, address, door);
    const refused = <Refusal extends string>(fault: Fault<Refusal>) => this.#refused(rule, name, actor, fault);
    if (!caller.ok) return refused(caller.fault);
    const unauthorised = authorise(rule.access, caller.value);
    if (unauthorised !== undefined) return refused(unauthorised);
    if (rule.limited && !this.#parts.limiter.take(networkOf(address), nowMs)) {
      return refused(fault('RATE_LIMITED', `too many calls from ${address}; wait a while`));
    }
    if (caller.value !== undefined && !this.#mayAgain(rule, caller.value, nowMs)) {
      return refused(fault('RATE_LIMITED', `too many such calls of ${nameOf(caller.value)}; wait a while`));
    }

    const recheck = (atMs: EpochMs) => {
      const again = this.#callerOf(rule.access, certificate, atMs);
      return again.ok ? undefined : again.fault;
    };
    const standing = rule.durationMsMax === Number.POSITIVE_INFINITY;
    const forget = this.#parts.openCalls.add({ standing, recheck, cut });
    const timer = standing
      ? undefined
      : timers.after(rule.durationMsMax, () => cut(fault('CALL_TOO_LONG', `not done in ${rule.durationMsMax} ms`)));
    try {
      const served = await work({
        caller: caller.value as CallerFor<Kind>,
        actor,
        certificate,
        address,
        door,
        nowMs,
        sinceMs,
        signal: abort.signal,
      });
      if (served.ok) return served;
      // Work that a cut ended has its own idea of why: the cut's is the true one.
      return refused<Code | CutFaultCode>(cutBy ?? served.fault);
    } catch (error) {
      const internal = fault('INTERNAL', 'an error of our own; the log has it');
      const noted = this.#audit(rule, name, actor, internal);
      // Whoever finds a way to make us fail must not fill the log with it.
      if (noted) this.#parts.log.error({ err: error, method: name, ...traceFields() }, 'call failed');
      return { ok: false, fault: internal };
    } finally {
      timers.cancel(timer);
      forget();
    }
  }

  /** Where what is known here may be old, nobody is refused before it is as new as the call, nor let in where it is very old. */
  async #asOfNow(
    asKnown: Result<Caller | undefined, AuthenticationFaultCode>,
    access: Access,
    certificate: Credential | undefined,
    nowMs: number,
  ): Promise<Result<Caller | undefined, AuthenticationFaultCode | 'LEADER_AWAY'>> {
    const { catchUp } = this.#parts;
    if (catchUp === undefined) return asKnown;
    if (!(await catchUp())) return refuse('LEADER_AWAY', 'the journal cannot be read: who calls is not known');
    return this.#callerOf(access, certificate, nowMs);
  }

  /** A caller that is over the limit of one call may still make others. */
  #mayAgain(rule: CallRule, caller: Caller, nowMs: EpochMs): boolean {
    const { metered } = rule;
    if ('because' in metered) return true;
    const { burst, perMinute } = metered;
    const limiter =
      this.#meters.get(rule) ?? new RateLimiter({ burst, refillMs: 60_000 / perMinute, keysMax: callersMax });
    this.#meters.set(rule, limiter);
    return limiter.take(nameOf(caller), nowMs);
  }

  /** Audits a call that a transport refused before it could be served: who asked for what is found out as for any other. */
  refuseUnserved(
    rule: CallRule,
    incoming: Pick<IncomingCall, 'name' | 'address' | 'certificate' | 'door'>,
    fault: Fault,
  ): void {
    const { name, address, certificate, door } = incoming;
    const caller = this.#callerOf(rule.access, certificate, this.#parts.timers.now());
    this.#audit(rule, name, actorOf(caller.ok ? caller.value : undefined, address, door), fault);
  }

  /** Who calls; nobody where strangers may. */
  #callerOf(
    access: Access,
    certificate: Credential | undefined,
    nowMs: number,
  ): Result<Caller | undefined, AuthenticationFaultCode> {
    if (access === 'stranger') return ok(undefined);
    const { engine } = this.#parts;
    return authenticate(certificate, engine.federation, engine.state(), nowMs);
  }

  #refused<Code extends string>(rule: CallRule, call: string, actor: Actor, fault: Fault<Code>): Refused<Code> {
    // A caller that hangs up was not refused anything, and what the leader refused behind a door stands in its journal.
    if (fault.code !== 'CALL_CANCELLED' && fault.fields?.isNoted !== true) this.#audit(rule, call, actor, fault);
    return { ok: false, fault };
  }

  #audit({ audit }: CallRule, call: string, actor: Actor, fault: Fault): boolean {
    return auditRefusal(this.#parts, { what: audit, call, actor, fault });
  }
}

function nameOf(caller: Caller): string {
  return caller.kind === 'cluster' ? `cluster ${caller.cluster}` : `${caller.kind} ${caller.name}`;
}

/** What a stream answers that was cut while it was open: the fault it was cut with. */
export function cutShort(signal: AbortSignal): Refused<CutFaultCode> {
  return { ok: false, fault: signal.reason as Fault<CutFaultCode> };
}

/** How a stream ends whose peer takes nothing more: with what cut it, where something did. */
export function noLongerRead(signal: AbortSignal): Result<void, CutFaultCode> {
  return signal.aborted ? cutShort(signal) : ok(undefined);
}

function fault(code: AccessFaultCode, message: string): Fault<AccessFaultCode> {
  return refuse(code, message).fault;
}
