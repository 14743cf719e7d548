import { fullJitterMs } from '../../base/backoff.ts';
import type { Fault } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import type { WatchResponse } from '../../proto/generated/testudo/v1/federation.ts';
import { inTurn } from '../link/address.ts';
import type { CertificateKeeper } from '../link/certificate-keeper.ts';
import { DirectiveMeter } from './directive-meter.ts';
import type { UplinkConfig } from './participant-config.ts';
import type { UplinkPorts } from './ports.ts';
import type { RoundConnection } from './round-calls.ts';

export type WatchingParts = Readonly<{
  config: Pick<UplinkConfig, 'addresses' | 'connect' | 'tracks' | 'clientBuild' | 'times'>;
  ports: Pick<UplinkPorts, 'report' | 'unit' | 'timers'>;
  keeper: Pick<CertificateKeeper, 'identity' | 'prepare'>;
  signal: AbortSignal;
  /** From now on another signing key speaks for this cluster. */
  onNewKey(): void;
  /** A connection is there. The signal that comes back ends it on purpose: the next one then follows at once. */
  onOpen(connection: RoundConnection): AbortSignal;
  /** Closes it. why: what ended it; undefined where we wished it. */
  onShut(why: Fault | undefined): void;
  /** Whether it made sense. */
  onDirective(directive: NonNullable<WatchResponse['directive']>): boolean;
}>;

/** Keeps one connection and one Watch on it open, with full jitter between attempts. Resolves when `signal` aborts. */
export async function keepWatching(parts: WatchingParts): Promise<void> {
  const { config, ports, keeper, signal } = parts;
  const { addresses, tracks, clientBuild, times } = config;
  const { timers, report } = ports;
  let lastCode: string | undefined;
  for (let turn = 0, attempt = 0; !signal.aborted; turn += 1) {
    const { signingSeed } = keeper.identity;
    const waitMs = await keeper.prepare(attempt, lastCode);
    if (waitMs > 0) {
      await pause(timers, waitMs, signal);
      continue;
    }
    if (signal.aborted) return;
    if (keeper.identity.signingSeed !== signingSeed) parts.onNewKey();
    const address = inTurn(addresses, turn);
    const connection = config.connect(address, keeper.identity);
    const onPurpose = parts.onOpen(connection);
    const hangUp = new AbortController();
    const meter = new DirectiveMeter(timers.monotonicMs());
    let heard = false;
    let flooded: Fault | undefined;
    const ended = await connection.watch({
      tracks,
      clientBuild,
      silenceMsMax: times.silenceMsMax,
      signal: AbortSignal.any([onPurpose, hangUp.signal]),
      timers,
      onDirective: (directive) => {
        // A transport may hand on what it had read already.
        if (flooded !== undefined) return;
        if (!heard) report({ kind: 'connected', address: address.text });
        heard = true;
        const made = parts.onDirective(directive) ? 'sense' : 'no sense';
        flooded = meter.count(made, timers.monotonicMs());
        if (flooded !== undefined) hangUp.abort();
      },
    });
    const isWanted = signal.aborted || (onPurpose.aborted && flooded === undefined);
    parts.onShut(isWanted ? undefined : (flooded ?? ended));
    if (signal.aborted) return;
    // We hung up ourselves to use a renewed certificate: no reason to wait, nor to try another address.
    if (isWanted) {
      turn -= 1;
      continue;
    }
    // A stream that flooded was heard, and yet is no reason to come back at once.
    attempt = heard && flooded === undefined ? 0 : attempt + 1;
    const fault = flooded ?? ended;
    lastCode = fault.code;
    const retryInMs = fullJitterMs(times.reconnect, attempt, ports.unit());
    report({ kind: 'disconnected', address: address.text, fault, retryInMs });
    await pause(timers, retryInMs, signal);
  }
}
