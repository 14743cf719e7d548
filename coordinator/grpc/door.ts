import {
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import type { Log } from '../../base/redacting-log.ts';
import { faultCodeKey, faultMessageKey } from '../../proto/wire-names.ts';
import type { OpenCalls } from '../access/open-calls.ts';
import type { Actor, OperatorRole } from '../ledger/journal/events.ts';
import { authenticate, type Caller, type PeerCertificate } from '../members/authenticate.ts';
import type { Metrics } from '../observability/metrics.ts';
import { inCallSpan, traceFields } from '../observability/tracing.ts';
import type { Engine, Refusal } from '../rounds/engine.ts';
import { MessageReader } from './message-reader.ts';
import { type AnyCall, peerAddress, peerCertificate } from './peer.ts';
import { malformed } from './service.ts';
import { type ServedFaultCode, statusOf } from './status.ts';

/** Who may make a call: anyone at the enrolment port, clusters, any certificate of ours, or operators from a role up. */
export type Access = 'stranger' | 'cluster' | 'member' | OperatorRole;

export type CallerFor<Kind extends Access> = Kind extends 'stranger'
  ? undefined
  : Kind extends 'cluster'
    ? Extract<Caller, { kind: 'cluster' }>
    : Kind extends 'member'
      ? Caller
      : Extract<Caller, { kind: 'operator' }>;

export type Method<Kind extends Access> = Readonly<{
  access: Kind;
  /** The longest that a call may take, whatever deadline its caller set; Infinity for streams that stay open. */
  durationMsMax: number;
  /** How a refusal of it is called in the audit log. */
  audit: Refusal['what'];
}>;

export type Call<Kind extends Access> = Readonly<{
  caller: CallerFor<Kind>;
  actor: Actor;
  address: string;
  /** Aborts when the caller hangs up, the time is over, its certificate is void, or the coordinator drains. */
  signal: AbortSignal;
}>;

type Served<Value> = Promise<Result<Value>>;
/** Resolves when the message is on its way; false once the call is over. Await it before the next. */
export type Send<Response> = (message: Response) => Promise<boolean>;

type Status = Partial<StatusObject> & { code: status; details: string };

/** Trailers are small: what a message lists is cut there. */
const messageCharactersMax = 1_500;

type CallEvents = Readonly<{ on(event: 'cancelled', listener: () => void): unknown }>;

/** Someone should look: these do not come from clients that merely are slow, old or wrong. */
const alarming: ReadonlySet<string> = new Set<ServedFaultCode>([
  'SIGNATURE_INVALID',
  'CLUSTER_MISMATCH',
  'UPDATE_CONFLICT',
  'PAYLOAD_REUSED',
  'TOKEN_USED',
]);

const roleRank: Readonly<Record<OperatorRole, number>> = { viewer: 0, operator: 1, admin: 2 };

export type DoorParts = Readonly<{
  engine: Pick<Engine, 'federation' | 'state' | 'refuse'>;
  openCalls: OpenCalls;
  log: Log;
  metrics: Pick<Metrics, 'call'>;
}>;

/**
 * What every call passes on its way in: authentication, role, time limit, trace, count; and on its way out: one place
 * where a fault becomes a status. The peer learns the code; log and audit keep the cause.
 */
export class Door {
  readonly #parts: DoorParts;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  unary<Kind extends Access, Request, Response>(
    method: Method<Kind>,
    serve: (request: Request, call: Call<Kind>) => Served<Response>,
  ): handleUnaryCall<Request, Response> {
    return async (call, callback) => {
      const served = await this.#pass(method, call, (context) => withRequest(call.request, (it) => serve(it, context)));
      if (served.ok) callback(null, served.value);
      else callback(served.status);
    };
  }

  /** The stream ends well when `serve` resolves ok. */
  serverStream<Kind extends Access, Request, Response>(
    method: Method<Kind>,
    serve: (request: Request, send: Send<Response>, call: Call<Kind>) => Served<void>,
  ): handleServerStreamingCall<Request, Response> {
    return async (call) => {
      const served = await this.#pass(method, call, (context) => {
        const send = (message: Response) => writeOne(call, message, context.signal);
        return withRequest(call.request, (request) => serve(request, send, context));
      });
      if (served.ok) call.end();
      else call.emit('error', served.status);
    };
  }

  clientStream<Kind extends Access, Request, Response>(
    method: Method<Kind>,
    serve: (messages: MessageReader<Request | typeof malformed>, call: Call<Kind>) => Served<Response>,
  ): handleClientStreamingCall<Request, Response> {
    return async (call, callback) => {
      const served = await this.#pass(method, call, (context) =>
        serve(new MessageReader(call, context.signal), context),
      );
      if (served.ok) callback(null, served.value);
      else callback(served.status);
    };
  }

  async #pass<Kind extends Access, Value>(
    method: Method<Kind>,
    call: AnyCall & CallEvents,
    serve: (context: Call<Kind>) => Served<Value>,
  ): Promise<Readonly<{ ok: true; value: Value } | { ok: false; status: Status }>> {
    const startedAt = performance.now();
    const path = call.getPath();
    let isOperator = false;
    const served = await inCallSpan(
      path,
      call.metadata,
      () =>
        this.#serve(method, call, (context) => {
          isOperator = context.caller?.kind === 'operator';
          return serve(context);
        }),
      (value) => (value.ok ? undefined : value.fault.code),
    );
    this.#parts.metrics.call(path, served.ok ? 'OK' : served.fault.code, (performance.now() - startedAt) / 1000);
    return served.ok ? served : { ok: false, status: statusFor(served.fault, isOperator) };
  }

  async #serve<Kind extends Access, Value>(
    method: Method<Kind>,
    call: AnyCall & CallEvents,
    serve: (context: Call<Kind>) => Served<Value>,
  ): Served<Value> {
    const address = peerAddress(call);
    // Read once: a connection keeps its certificate, and reading it is what costs.
    const certificate = peerCertificate(call);
    const caller = this.#callerOf(method.access, certificate, Date.now());
    const actor = actorOf(caller.ok ? caller.value : undefined, address);
    if (!caller.ok) return this.#refused(method, call, actor, caller.fault);
    const unauthorised = authorise(method.access, caller.value);
    if (unauthorised !== undefined) return this.#refused(method, call, actor, unauthorised);

    const abort = new AbortController();
    let cutBy: Fault | undefined;
    const cut = (fault: Fault) => {
      cutBy ??= fault;
      abort.abort(fault);
    };
    call.on('cancelled', () => cut(fault('CALL_CANCELLED', 'the caller hung up or its deadline passed')));
    const recheck = (nowMs: number) => {
      const again = this.#callerOf(method.access, certificate, nowMs);
      return again.ok ? undefined : again.fault;
    };
    const standing = method.durationMsMax === Number.POSITIVE_INFINITY;
    const forget = this.#parts.openCalls.add({ standing, recheck, cut });
    const timer = standing
      ? undefined
      : setTimeout(() => cut(fault('CALL_TOO_LONG', `not done in ${method.durationMsMax} ms`)), method.durationMsMax);
    try {
      const served = await serve({ caller: caller.value as CallerFor<Kind>, actor, address, signal: abort.signal });
      if (served.ok) return served;
      // Work that a cut ended has its own idea of why: the cut's is the true one.
      return this.#refused(method, call, actor, cutBy ?? served.fault);
    } catch (error) {
      this.#parts.log.error({ err: error, method: call.getPath(), ...traceFields() }, 'call failed');
      return this.#refused(method, call, actor, fault('INTERNAL', 'an error of our own; the log has it'));
    } finally {
      clearTimeout(timer);
      forget();
    }
  }

  /** Who calls; nobody where strangers may. */
  #callerOf(access: Access, certificate: PeerCertificate | undefined, nowMs: number): Result<Caller | undefined> {
    if (access === 'stranger') return ok(undefined);
    const { engine } = this.#parts;
    return authenticate(certificate, engine.federation, engine.state(), nowMs);
  }

  #refused(method: Method<Access>, call: AnyCall, actor: Actor, refused: Fault): Result<never> {
    // A caller that hangs up was not refused anything.
    if (refused.code !== 'CALL_CANCELLED') {
      const { track, round, cluster, payloadDigest } = refused.fields ?? {};
      this.#parts.engine.refuse(actor, {
        what: method.audit,
        code: refused.code,
        cause: refused.message,
        alarm: alarming.has(refused.code),
        ...textFields({ track, round, cluster: cluster ?? clusterOf(actor), payloadDigest }),
      });
      this.#parts.log.info({ method: call.getPath(), code: refused.code, peer: nameOf(actor) }, 'call refused');
    }
    return { ok: false, fault: refused };
  }
}

function authorise(access: Access, caller: Caller | undefined): Fault | undefined {
  if (access === 'stranger' || access === 'member') return undefined;
  if (access === 'cluster') {
    return caller?.kind === 'cluster' ? undefined : fault('ROLE_INSUFFICIENT', 'only clusters may call this');
  }
  if (caller?.kind === 'operator' && roleRank[caller.role] >= roleRank[access]) return undefined;
  return fault('ROLE_INSUFFICIENT', `this needs the role ${access}`);
}

function withRequest<Request, Value>(request: Request, serve: (request: Request) => Served<Value>): Served<Value> {
  if ((request as unknown) === malformed) {
    return Promise.resolve(refuse('MESSAGE_MALFORMED', 'the request is not the protobuf message of this method'));
  }
  return serve(request);
}

function writeOne<Response>(
  call: Parameters<handleServerStreamingCall<unknown, Response>>[0],
  message: Response,
  signal: AbortSignal,
): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    // grpc-js never calls back for a message of a cancelled call.
    const onAbort = () => resolve(false);
    signal.addEventListener('abort', onAbort, { once: true });
    call.write(message, (error: Error | null | undefined) => {
      signal.removeEventListener('abort', onAbort);
      resolve(error === null || error === undefined);
    });
  });
}

/** What a stream answers that was cut while it was open: the fault it was cut with. */
export function cutShort(signal: AbortSignal): Result<never> {
  return { ok: false, fault: signal.reason as Fault };
}

function fault(code: ServedFaultCode, message: string): Fault {
  return { code, message };
}

/**
 * Clusters and strangers get the code and nothing else: the message may say things that only operators should know.
 * Operators who were let in get the message too: it names the legal range and the remedy.
 */
function statusFor({ code, message }: Fault, isOperator: boolean): Status {
  const metadata = new Metadata();
  metadata.set(faultCodeKey, code);
  if (isOperator) metadata.set(faultMessageKey, Buffer.from(message.slice(0, messageCharactersMax), 'utf8'));
  return { code: statusOf[code as ServedFaultCode] ?? status.INTERNAL, details: code, metadata };
}

function actorOf(caller: Caller | undefined, address: string): Actor {
  if (caller === undefined) return { kind: 'stranger', address };
  return caller.kind === 'cluster'
    ? { kind: 'cluster', cluster: caller.cluster }
    : { kind: 'operator', name: caller.name, role: caller.role };
}

function nameOf(actor: Actor): string {
  if (actor.kind === 'stranger') return actor.address;
  if (actor.kind === 'cluster') return actor.cluster;
  return actor.kind === 'operator' ? actor.name : actor.part;
}

function clusterOf(actor: Actor): string | undefined {
  return actor.kind === 'cluster' ? actor.cluster : undefined;
}

function textFields(fields: Readonly<Record<string, string | number | boolean | undefined>>) {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
