import { fullJitterMs } from '../../base/backoff.ts';
import { type Fault, refuse } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { AgentConfig, AgentPorts, IdentityOf } from './agent-ports.ts';
import type { ReleaseCalls, ReleaseMessage } from './release-calls.ts';
import { subscribe } from './subscribe.ts';

/** A stream of more messages a minute than a coordinator has reason to send. */
const perMinuteMax = 600;

export type ReleaseStreamParts = Readonly<{
  config: AgentConfig;
  ports: AgentPorts;
  identity: IdentityOf;
  tracks: readonly TrackId[];
  rootVersion(): number;
  isAnchored(): boolean;
  signal: AbortSignal;
  onConnected(calls: ReleaseCalls): void;
  onDisconnected(): void;
  onMessage(message: ReleaseMessage, hangUp: (fault: Fault) => void): void;
}>;

/**
 * Keeps one subscription of its own open, with full jitter between attempts: what a hostile stream does to it costs the
 * rounds' connection nothing. Resolves when `signal` aborts.
 */
export async function keepSubscribed(parts: ReleaseStreamParts): Promise<void> {
  const { config, ports, identity, tracks, signal } = parts;
  const { addresses, times } = config;
  for (let turn = 0, attempt = 0; !signal.aborted; turn += 1) {
    const address = addresses[turn % addresses.length] as (typeof addresses)[0];
    const connection = config.connect(address, identity());
    const ending = new AbortController();
    const abort = () => ending.abort();
    signal.addEventListener('abort', abort, { once: true });
    let heard = false;
    let refused: Fault | undefined;
    const ended = await subscribe(connection, {
      tracks,
      rootVersion: parts.rootVersion(),
      firstMsMax: times.firstMsMax,
      silenceMsMax: times.silenceMsMax,
      perMinuteMax,
      signal: ending.signal,
      timers: ports.timers,
      onMessage: (message) => {
        if (!heard) {
          heard = true;
          ports.report({ kind: 'subscribed', address: address.text });
          parts.onConnected(connection);
        }
        parts.onMessage(message, (fault) => {
          refused ??= fault;
          ending.abort();
        });
      },
    });
    signal.removeEventListener('abort', abort);
    parts.onDisconnected();
    connection.close();
    if (signal.aborted) return;
    const fault = refused ?? ended;
    if (isUnserved(fault)) ports.report({ kind: 'unserved', trusted: parts.isAnchored() });
    // A stream that was refused was heard, and yet is no reason to come back at once.
    attempt = heard && refused === undefined ? 0 : attempt + 1;
    const retryInMs = isUnserved(fault)
      ? Math.floor(times.unservedMs * (0.5 + ports.unit() / 2))
      : fullJitterMs(times.reconnect, attempt, ports.unit());
    ports.report({ kind: 'unsubscribed', address: address.text, fault, retryInMs });
    await pause(ports.timers, retryInMs, signal);
  }
}

/** A coordinator of before there were releases: gRPC itself says so where the service is not even known. */
function isUnserved({ code }: Fault): boolean {
  return code === 'NOT_SERVED' || code === 'GRPC_UNIMPLEMENTED';
}

/** Why an agent hangs up on a stream whose metadata was refused. */
export function hungUp({ code, message }: Fault): Fault {
  return refuse('METADATA_REFUSED', `${code}: ${message}`).fault;
}
