import { connect } from 'node:tls';
import { expect, it } from 'vitest';
import { MovedTimers } from '../base/testing/moved-timers.ts';
import { TestFederation } from './testing/federation.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** From when to when the certificate holds that answers there. */
function shownAt(address: string): Promise<Readonly<{ fromMs: number; untilMs: number }>> {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const { valid_from, valid_to } = socket.getPeerCertificate();
      socket.destroy();
      resolve({ fromMs: Date.parse(valid_from), untilMs: Date.parse(valid_to) });
    });
  });
}

it.each([
  ['forward by 40 days, as where a machine was suspended', 40 * dayMs],
  ['back by 40 days, as where it started with a wrong one', -40 * dayMs],
])(
  'a coordinator whose clock is set %s shows a certificate that holds, and signs what agents take, a minute later',
  async (_, byMs) => {
    const moved = new MovedTimers();
    let setByMs = 0;
    const timers = { ...moved, now: () => moved.now() + setByMs };
    const { coordinator } = await TestFederation.start({ timers });
    const { registry, addresses } = coordinator;
    await registry.settled();
    setByMs = byMs;
    moved.pass(minuteMs + 1);
    await registry.settled();
    expect(registry.signedSet()?.timestamp.expiresAtMs).toBeGreaterThan(timers.now());
    for (const address of [addresses.enrolment, addresses.federation]) {
      // The certificate is issued beside the minute that asks for it.
      const isHeld = async () => {
        const { fromMs, untilMs } = await shownAt(address);
        return fromMs <= timers.now() && untilMs > timers.now();
      };
      while (!(await isHeld()));
    }
  },
  600_000,
);
