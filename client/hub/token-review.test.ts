import { describe, expect, it } from 'vitest';
import { ok } from '../../base/fault.ts';
import { verdictOf } from './token-review.ts';

const by = { audience: 'testudo-hub', serviceAccount: 'testudo/testudo-sensor' };
const user = {
  username: 'system:serviceaccount:testudo:testudo-sensor',
  extra: { 'authentication.kubernetes.io/node-name': ['node-a'] },
};
const sound = { authenticated: true, audiences: ['testudo-hub'], user };

function verdict(status: object, code = 201, kind = 'TokenReview') {
  const reviewed = verdictOf(by, { status: code, body: JSON.stringify({ kind, status }) });
  return reviewed.ok ? reviewed.value : reviewed.fault.code;
}

describe('verdictOf', () => {
  it('names the node that a sound token is bound to', () => {
    expect(verdict(sound)).toEqual({ kind: 'sensor', name: 'node-a' });
  });

  it('tells the agent from a sensor by its account, by its pod, and only where an agent is expected', () => {
    const agent = {
      username: 'system:serviceaccount:testudo:testudo-agent',
      extra: { ...user.extra, 'authentication.kubernetes.io/pod-name': ['testudo-agent-0'] },
    };
    const status = { ...sound, user: agent };
    expect(verdict(status)).toBe('TOKEN_UNKNOWN');
    const expecting = { ...by, agentServiceAccount: 'testudo/testudo-agent' };
    const reply = (said: object) => ({ status: 201, body: JSON.stringify({ kind: 'TokenReview', status: said }) });
    expect(verdictOf(expecting, reply(status))).toEqual(ok({ kind: 'agent', name: 'testudo-agent-0' }));
    expect(verdictOf(expecting, reply(sound))).toEqual(ok({ kind: 'sensor', name: 'node-a' }));
    const unbound = { ...status, user: { username: agent.username, extra: user.extra } };
    expect(verdictOf(expecting, reply(unbound))).toMatchObject({ fault: { code: 'TOKEN_UNKNOWN' } });
  });

  it('takes no token that is unknown, of another account, or bound to no pod', () => {
    expect(verdict({ ...sound, authenticated: false })).toBe('TOKEN_UNKNOWN');
    expect(verdict({ ...sound, error: 'token has expired' })).toBe('TOKEN_UNKNOWN');
    expect(verdict({ ...sound, user: { ...user, username: 'system:serviceaccount:shop:web' } })).toBe('TOKEN_UNKNOWN');
    expect(verdict({ ...sound, user: { username: user.username } })).toBe('TOKEN_UNKNOWN');
  });

  it('takes no token for another audience, nor the word of a server that knows of none', () => {
    expect(verdict({ ...sound, audiences: ['https://kubernetes.default.svc'] })).toBe('TOKEN_UNKNOWN');
    expect(verdict({ authenticated: true, user })).toBe('TOKEN_UNKNOWN');
  });

  it('tells a refusal of the server from one of the token, also where it comes with 201', () => {
    expect(verdict(sound, 403)).toBe('REVIEW_FAILED');
    expect(verdict('Failure' as never, 201, 'Status')).toBe('REVIEW_FAILED');
    expect(verdictOf(by, { status: 200, body: '<html>' })).toMatchObject({ fault: { code: 'REVIEW_FAILED' } });
  });
});
