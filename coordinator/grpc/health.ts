import { type handleUnaryCall, type sendUnaryData, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { service as definition } from 'grpc-health-check';
import { ok } from '../../base/fault.ts';
import { calls } from '../access/calls.ts';
import type { Door } from './door.ts';
import { type ServedService, tolerant } from './service.ts';
import type { ToolStreams } from './tool-streams.ts';

type Health = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
type HealthRequest = Readonly<{ service: string }>;
type HealthResponse = Readonly<{ status: Health | undefined }>;
type Listener = (health: Health) => void;

/** Whether this coordinator serves, as grpc.health.v1 says it of the whole server: the service without a name. */
export class ServingState {
  #health: Health = 'NOT_SERVING';
  readonly #listeners = new Set<Listener>();

  set(isServing: boolean): void {
    this.#health = isServing ? 'SERVING' : 'NOT_SERVING';
    for (const listener of this.#listeners) listener(this.#health);
  }

  /** Undefined for a service that has no health of its own. */
  of(service: string): Health | undefined {
    return service === '' ? this.#health : undefined;
  }

  /** Returns the end of the subscription. */
  follow(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** grpc.health.v1, for tools that know nothing else of us. Behind the door, as every call is. */
export function healthService({
  door,
  serving,
  streams,
}: Readonly<{ door: Door; serving: ServingState; streams: ToolStreams }>): ServedService {
  const check = door.unary<'member', HealthRequest, HealthResponse>(calls.health.check, async ({ service }, call) => {
    const barred = streams.barred(call.caller);
    return barred ?? ok({ status: serving.of(service) });
  });

  const list = door.unary<'member', object, Readonly<{ statuses: Readonly<Record<string, HealthResponse>> }>>(
    calls.health.list,
    async (_, { caller }) => streams.barred(caller) ?? ok({ statuses: { '': { status: serving.of('') } } }),
  );

  const watch = door.serverStream<'member', HealthRequest, HealthResponse>(
    calls.health.watch,
    ({ service }, send, { caller, signal }) =>
      streams.serve(caller, signal, async (until) => {
        void send({ status: serving.of(service) ?? 'SERVICE_UNKNOWN' });
        // Sent at once: a drain says NOT_SERVING and cuts the stream in one turn. There are as many news as states.
        const unfollow = serving.follow(() => void send({ status: serving.of(service) ?? 'SERVICE_UNKNOWN' }));
        await ended(until);
        unfollow();
      }),
  );

  return {
    definition: tolerant(definition),
    implementation: { check: orNotFound(check), list, watch } satisfies UntypedServiceImplementation,
  };
}

/** The standard's own answer for an unknown service, which is no fault of ours: a status and no code. */
function orNotFound(check: handleUnaryCall<HealthRequest, HealthResponse>) {
  return (call: Parameters<typeof check>[0], answer: sendUnaryData<HealthResponse>) =>
    check(call, (error, value, trailer, flags) => {
      if (error === null && value?.status === undefined) {
        answer({ code: status.NOT_FOUND, details: 'no service of this name has a health of its own' });
      } else answer(error, value, trailer, flags);
    });
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
