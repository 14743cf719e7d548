import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
} from '@grpc/grpc-js';
import { type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { FaultCodeOf, ServedFaultCode, Service } from '../../proto/served-faults.ts';
import type { AccessControl, Call } from '../access/access-control.ts';
import type { Access, CallRule } from '../access/calls.ts';
import type { Metrics } from '../observability/metrics.ts';
import { inCallSpan } from './call-span.ts';
import { MessageReader } from './message-reader.ts';
import { type AnyCall, peerOf } from './peer.ts';
import { malformed } from './service.ts';
import { type Status, statusFor } from './status.ts';

type Served<Value, Code extends string = ServedFaultCode> = Promise<Result<Value, Code>>;
/** Resolves when the message is on its way; false once the call is over. Await it before the next. */
export type Send<Response> = (message: Response) => Promise<boolean>;

type CallEvents = Readonly<{ on(event: 'cancelled', listener: () => void): unknown }>;

type DoorParts = Readonly<{ access: AccessControl; metrics: Pick<Metrics, 'call'>; timers: Timers }>;

/**
 * What is gRPC about a call: its messages and streams, its trace, its count, and one place where a fault becomes a
 * status. Who may call is access/'s to say. The peer learns the code; log and audit keep the cause. `Called` is the service
 * that it is handed to: work that answers with a code which the contract does not give that service does not compile.
 */
export class Door<in Called extends Service = Service> {
  readonly #parts: DoorParts;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  unary<Kind extends Access, Request, Response>(
    rule: CallRule<Kind>,
    serve: (request: Request, call: Call<Kind>) => Served<Response, FaultCodeOf<Called>>,
  ): handleUnaryCall<Request, Response> {
    return async (call, callback) => {
      const served = await this.#pass(rule, call, (context) => withRequest(call.request, (it) => serve(it, context)));
      if (served.ok) callback(null, served.value);
      else callback(served.status);
    };
  }

  /** The stream ends well when `serve` resolves ok. */
  serverStream<Kind extends Access, Request, Response>(
    rule: CallRule<Kind>,
    serve: (request: Request, send: Send<Response>, call: Call<Kind>) => Served<void, FaultCodeOf<Called>>,
  ): handleServerStreamingCall<Request, Response> {
    return async (call) => {
      const served = await this.#pass(rule, call, (context) => {
        const send = (message: Response) => writeOne(call, message, context.signal);
        return withRequest(call.request, (request) => serve(request, send, context));
      });
      if (served.ok) call.end();
      else call.emit('error', served.status);
    };
  }

  clientStream<Kind extends Access, Request, Response>(
    rule: CallRule<Kind>,
    serve: (
      messages: MessageReader<Request | typeof malformed>,
      call: Call<Kind>,
    ) => Served<Response, FaultCodeOf<Called>>,
  ): handleClientStreamingCall<Request, Response> {
    return async (call, callback) => {
      const served = await this.#pass(rule, call, (context) =>
        serve(new MessageReader(call, context.signal, this.#parts.timers), context),
      );
      if (served.ok) callback(null, served.value);
      else callback(served.status);
    };
  }

  /** The stream ends well when `serve` resolves ok. */
  bidiStream<Kind extends Access, Request, Response>(
    rule: CallRule<Kind>,
    serve: (
      messages: MessageReader<Request | typeof malformed>,
      send: Send<Response>,
      call: Call<Kind>,
    ) => Served<void, FaultCodeOf<Called>>,
  ): handleBidiStreamingCall<Request, Response> {
    return async (call) => {
      const served = await this.#pass(rule, call, (context) => {
        const send = (message: Response) => writeOne(call, message, context.signal);
        return serve(new MessageReader(call, context.signal, this.#parts.timers), send, context);
      });
      if (served.ok) call.end();
      else call.emit('error', served.status);
    };
  }

  async #pass<Kind extends Access, Value>(
    rule: CallRule<Kind>,
    call: AnyCall & CallEvents,
    serve: (context: Call<Kind>) => Served<Value>,
  ): Promise<Readonly<{ ok: true; value: Value } | { ok: false; status: Status }>> {
    const { timers } = this.#parts;
    const startedAtMs = timers.monotonicMs();
    const path = call.getPath();
    const onHangUp = (listener: () => void) => void call.on('cancelled', listener);
    // The certificate is read once: a connection keeps it, and reading it is what costs.
    const incoming = { ...peerOf(call), name: path, onHangUp };
    let isOperator = false;
    const served = await inCallSpan(
      path,
      call.metadata,
      () =>
        this.#parts.access.serve(rule, incoming, (context) => {
          isOperator = context.caller?.kind === 'operator';
          return serve(context);
        }),
      (value) => (value.ok ? undefined : value.fault.code),
    );
    this.#parts.metrics.call(path, served.ok ? 'OK' : served.fault.code, (timers.monotonicMs() - startedAtMs) / 1000);
    return served.ok ? served : { ok: false, status: statusFor(served.fault, isOperator) };
  }
}

function withRequest<Request, Value, Code extends string>(
  request: Request,
  serve: (request: Request) => Served<Value, Code>,
): Served<Value, Code | 'MESSAGE_MALFORMED'> {
  if ((request as unknown) === malformed) {
    return Promise.resolve(refuse('MESSAGE_MALFORMED', 'the request is not the protobuf message of this method'));
  }
  return serve(request);
}

function writeOne<Response>(
  call: Pick<Parameters<handleServerStreamingCall<unknown, Response>>[0], 'write'>,
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
