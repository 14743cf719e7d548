import { connect, type SecureContext } from 'node:tls';
import { type Backoff, fullJitterMs } from '../../base/backoff.ts';
import { parseAddress } from '../../client/link/address.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';

/** A process that is stopped takes connections still, and says nothing. */
const handshakeMsMax = 3_000;
/** As long as a takeover may take, and somewhat more. */
const patienceMs = 20_000;
const betweenRounds: Backoff = { firstMs: 500, maxMs: 2_000 };

/**
 * Which of these leads: the first that completes a TLS handshake, for a standby does not listen. Tried in turn, and over again with
 * full jitter while one may be taking over; after that the first, so that the call to it says what is wrong. A single one is not tried.
 */
export async function leaderAmong(addresses: readonly [string, ...string[]], secure: SecureContext): Promise<string> {
  if (addresses.length === 1) return addresses[0];
  const endsMs = performance.now() + patienceMs;
  for (let attempt = 0; ; attempt++) {
    for (const address of addresses) if (await answers(address, secure)) return address;
    if (performance.now() > endsMs) return addresses[0];
    await new Promise((resolve) => setTimeout(resolve, fullJitterMs(betweenRounds, attempt, Math.random())));
  }
}

function answers(address: string, secureContext: SecureContext): Promise<boolean> {
  const parsed = parseAddress(address);
  if (!parsed.ok) return Promise.resolve(false);
  const { host, port } = parsed.value;
  return new Promise((resolve) => {
    const names = { servername: coordinatorServerName, ALPNProtocols: ['h2'] };
    const socket = connect({ host, port, secureContext, ...names });
    const finish = (found: boolean) => {
      socket.destroy();
      resolve(found);
    };
    socket.setTimeout(handshakeMsMax, () => finish(false));
    socket.once('secureConnect', () => finish(socket.authorized));
    socket.once('error', () => finish(false));
  });
}
