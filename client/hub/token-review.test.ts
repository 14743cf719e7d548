import { describe, expect, it } from 'vitest';
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
    expect(verdict(sound)).toBe('node-a');
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
