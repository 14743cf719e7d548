import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { Sessions, showsToken } from './sessions.ts';

const minuteMs = 60_000;

function opened(expiresAtMs = 1_000 * minuteMs) {
  const timers = new SimulatedTimers(0);
  const sessions = new Sessions(timers, 60 * minuteMs);
  sessions.serveAt('https://pages.example');
  const certificate = { uri: 'spiffe://herd/operator/viewer/ada', serial: '01', expiresAtMs };
  const secret = () => unwrap(sessions.link(certificate)).url.split('#')[1] ?? '';
  return { timers, sessions, secret };
}

describe('Sessions', () => {
  it('open once for each link, and not after two minutes', async () => {
    const { timers, sessions, secret } = opened();
    const [first, late] = [secret(), secret()];
    const { cookie, session } = unwrap(sessions.open(first));
    expect(sessions.find(cookie)).toBe(session);
    expect(sessions.open(first)).toMatchObject({ fault: { code: 'LINK_INVALID' } });
    await timers.advance(2 * minuteMs);
    expect(sessions.open(late)).toMatchObject({ fault: { code: 'LINK_INVALID' } });
    expect(sessions.open('')).toMatchObject({ fault: { code: 'LINK_INVALID' } });
  });

  it('end at their time, or with the certificate where that is sooner, and tell whoever listens', async () => {
    for (const [certificateMs, endsMs] of [
      [1_000 * minuteMs, 60 * minuteMs],
      [10 * minuteMs, 10 * minuteMs],
    ] as const) {
      const { timers, sessions, secret } = opened(certificateMs);
      const { cookie, session } = unwrap(sessions.open(secret()));
      await timers.advance(endsMs - 1);
      expect([sessions.find(cookie), session.ended.aborted]).toEqual([session, false]);
      await timers.advance(1);
      expect([sessions.find(cookie), session.ended.aborted]).toEqual([undefined, true]);
    }
  });

  it('are bounded: the oldest gives way', () => {
    const { sessions, secret } = opened();
    const first = unwrap(sessions.open(secret()));
    for (let i = 0; i < 512; i++) unwrap(sessions.open(secret()));
    expect(sessions.find(first.cookie)).toBeUndefined();
    expect(first.session.ended.aborted).toBe(true);
  });

  it('end all of them when the dashboard closes, and give no link from then on', () => {
    const { sessions, secret } = opened();
    const { cookie, session } = unwrap(sessions.open(secret()));
    sessions.close();
    expect([sessions.find(cookie), session.ended.aborted]).toEqual([undefined, true]);
    expect(sessions.link(session.certificate)).toMatchObject({ fault: { code: 'DASHBOARD_OFF' } });
  });

  it('have a token of their own', () => {
    const { sessions, secret } = opened();
    const [one, other] = [unwrap(sessions.open(secret())).session, unwrap(sessions.open(secret())).session];
    expect([showsToken(one, one.csrf), showsToken(one, other.csrf), showsToken(one, '')]).toEqual([true, false, false]);
  });
});
