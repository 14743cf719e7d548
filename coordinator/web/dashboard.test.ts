import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { operator, TestFederation, track } from '../testing/federation.ts';
import { Visitor } from '../testing/visitor.ts';
import type { OverviewNews } from './shapes.ts';

const settings = ['listen.dashboard=127.0.0.1:0'];
const refusal = (code: string) => expect.objectContaining({ code });

describe('the dashboard', () => {
  it('turns a one-time link into one short session of the operator that asked for it', async () => {
    const federation = await TestFederation.start({ settings });
    const ada = await Visitor.hire(federation, 'ada', 'operator');
    const link = await ada.link();
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/login#[\w-]{43}$/);
    expect((await ada.ask('/api/session')).body).toEqual(refusal('SESSION_OVER'));
    const login = await ada.login(link);
    expect(login.status).toBe(200);
    expect(login.body).toMatchObject({ federation: 'herd', operator: 'ada', role: 'operator' });
    expect(ada.cookieHeader).toMatch(/^testudo-herd=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=3600$/);
    expect((await ada.ask('/api/session')).body).toEqual(ada.session);

    const thief = await Visitor.hire(federation, 'eve', 'viewer');
    const second = await thief.login(link);
    expect([second.status, second.body]).toEqual([401, refusal('LINK_INVALID')]);

    expect((await ada.change('/api/logout', {})).status).toBe(200);
    expect((await ada.ask('/api/session')).status).toBe(401);
    expect(await federation.refusals()).toEqual(['SESSION_OVER', 'LINK_INVALID', 'SESSION_OVER']);
  });

  it('refuses, and audits, what another site, another host or a page without its token asks for', async () => {
    const federation = await TestFederation.start({ settings });
    const ada = await Visitor.hire(federation, 'ada', 'admin');
    await ada.login();
    const evil = { origin: 'https://evil.example' };
    const attempts: readonly [string, Promise<Awaited<ReturnType<Visitor['ask']>>>, number, string][] = [
      ['another origin', ada.change('/api/logout', {}, evil), 403, 'CROSS_SITE'],
      ['no origin', ada.change('/api/logout', {}, { origin: '' }), 403, 'CROSS_SITE'],
      ['the browser says so', ada.change('/api/logout', {}, { 'sec-fetch-site': 'cross-site' }), 403, 'CROSS_SITE'],
      ['a form', ada.change('/api/logout', {}, { 'content-type': 'text/plain' }), 403, 'CROSS_SITE'],
      ['no token', ada.change('/api/logout', {}, { 'x-testudo-token': '' }), 403, 'CROSS_SITE'],
      ['a wrong token', ada.change('/api/logout', {}, { 'x-testudo-token': 'x'.repeat(43) }), 403, 'CROSS_SITE'],
      ['reading', ada.ask('/api/session', { headers: { 'sec-fetch-site': 'cross-site' } }), 403, 'CROSS_SITE'],
      ['a login', ada.login(undefined, evil), 403, 'CROSS_SITE'],
      ['a name pointed at us', ada.ask('/api/session', { headers: { host: 'evil.example' } }), 421, 'HOST_FOREIGN'],
    ];
    for (const [name, attempt, status, code] of attempts) {
      const answer = await attempt;
      expect([name, answer.status, answer.body]).toEqual([name, status, refusal(code)]);
    }
    expect((await ada.ask('/api/session')).status).toBe(200); // Nobody has logged her out.
    const refusals = await federation.refusals();
    expect(refusals.filter((code) => code === 'CROSS_SITE')).toHaveLength(8);
    expect(refusals).toContain('HOST_FOREIGN');
  });

  it('tells open pages everything at once, then only what changed, and ends them with the operator', async () => {
    const federation = await TestFederation.start({ settings });
    const ada = await Visitor.hire(federation, 'ada', 'viewer');
    await ada.login();
    const members = await Promise.all(['a', 'b', 'c'].map((name) => federation.enrol(name)));
    const events = ada.events();
    const overview = async (holds: (news: OverviewNews) => boolean) => {
      for (;;) {
        const { value, done } = await events.next();
        if (done === true) throw new Error('the stream ended');
        if (value.event === 'overview' && holds(value.data as OverviewNews)) return value.data as OverviewNews;
      }
    };
    const whole = await overview(() => true);
    expect(whole.whole).toBe(true);
    expect(whole.clusters.map(({ cluster, connected }) => [cluster, connected])).toEqual([
      ['a', false],
      ['b', false],
      ['c', false],
    ]);
    for (const member of members) await member.watch([track]);
    await overview(({ coordinator }) => coordinator?.connectedCount === 3);
    await federation.openRound();
    for (const member of members) await member.invitation();
    await members[0]?.submit(new Float32Array(1000).fill(0.1));
    const news = await overview(({ tracks }) => tracks[0]?.acceptedCount === 1);
    expect(news.whole).toBe(false);
    expect(news.clusters.map(({ cluster }) => cluster)).not.toContain('b');

    const { membership } = federation.coordinator;
    unwrap(await membership.addOperator(operator, { name: 'eve', role: 'admin', request: await newRequest() }));
    unwrap(await membership.removeOperator(operator, 'ada', 'left'));
    for (;;) if ((await events.next()).done) break;
    expect((await ada.ask('/api/session')).body).toEqual(refusal('OPERATOR_REMOVED'));
  });

  it('says in a sentence that it was built without its pages, and sends strict headers with everything', async () => {
    const federation = await TestFederation.start({ settings });
    const ada = await Visitor.hire(federation, 'ada', 'viewer');
    const page = await ada.ask('/rounds/syscall');
    expect([page.status, page.text]).toEqual([503, expect.stringContaining('built without its dashboard')]);
    const { headers } = page;
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(headers['content-security-policy']).not.toMatch(/unsafe|\*|https?:|data:/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    expect((await ada.ask('/', { method: 'DELETE' })).status).toBe(405);
  });

  it('lets each role do what it may do over gRPC, and what can be tried only as it was shown', async () => {
    const federation = await TestFederation.start({ settings });
    const [eve, ada] = [
      await Visitor.hire(federation, 'eve', 'viewer'),
      await Visitor.hire(federation, 'ada', 'operator'),
    ];
    await Promise.all([eve.login(), ada.login()]);
    const asked = { tracks: [track], untilMs: Date.now() + 3_600_000, reason: 'a holiday' };
    const frozen = () => federation.coordinator.engine.state().freezes.size;
    const refused = await eve.change('/api/acts/freeze', { ...asked, dryRun: true });
    expect([refused.status, refused.body]).toEqual([403, refusal('ROLE_INSUFFICIENT')]);
    const unseen = await ada.change('/api/acts/freeze', asked);
    expect([unseen.status, unseen.body, frozen()]).toEqual([409, refusal('CHANGED_SINCE'), 0]);
    const { agreed } = (await ada.change('/api/acts/freeze', { ...asked, dryRun: true })).body as { agreed: string };
    expect(frozen()).toBe(0);
    const done = await ada.change('/api/acts/freeze', { ...asked, agreed });
    expect([done.status, frozen()]).toEqual([200, 1]);
    const entry = (await federation.audit()).find(({ event }) => event.kind === 'freezeSet');
    expect(entry).toMatchObject({ actor: { kind: 'operator', name: 'ada' }, event: { reason: 'a holiday' } });

    // What cannot be tried is not done in the place of a trial.
    const antibody = { track, digest: `sha256:${'0'.repeat(64)}`, reason: 'test', dryRun: true };
    const untried = await ada.change('/api/acts/revoke-antibody', antibody);
    expect([untried.status, untried.body]).toEqual([400, refusal('REQUEST_INVALID')]);

    for (const [path, status, code] of [
      ['/api/acts/freeze', 400, 'REQUEST_INVALID'],
      ['/api/acts/constructor', 404, 'PAGE_UNKNOWN'],
    ] as const) {
      const answer = await ada.change(path, { reason: 'no fields' });
      expect([path, answer.status, answer.body]).toEqual([path, status, refusal(code)]);
    }
    for (const [path, status, code] of [
      ['/api/rounds/none', 404, 'TRACK_NOT_FOUND'],
      ['/api/rounds/%00', 400, 'REQUEST_INVALID'],
      ['/api/round/syscall/r-9', 404, 'ROUND_NOT_FOUND'],
      ['/api/cluster/none', 404, 'CLUSTER_NOT_ENROLLED'],
      ['/api/audit?before=x', 400, 'REQUEST_INVALID'],
      ['/api/__proto__', 404, 'PAGE_UNKNOWN'],
    ] as const) {
      const answer = await eve.ask(path);
      expect([path, answer.status, answer.body]).toEqual([path, status, refusal(code)]);
    }
    const large = await ada.change('/api/acts/freeze', { reason: 'x'.repeat(100_000) });
    expect([large.status, large.body]).toEqual([413, refusal('MESSAGE_TOO_LARGE')]);
  });

  it('believes a proxy from its address alone, and gives the role that its groups have', async () => {
    const proxied = async (address: string) => {
      const federation = await TestFederation.start({
        settings: [
          ...settings,
          `dashboard.proxy.addresses=[${address}]`,
          'dashboard.proxy.roles.viewer=[soc]',
          'dashboard.proxy.roles.operator=[oncall]',
        ],
      });
      const visitor = await Visitor.hire(federation, 'ada', 'admin');
      const login = (user: string, groups: string) =>
        visitor.change('/api/login', {}, { 'x-forwarded-user': user, 'x-forwarded-groups': groups });
      return { federation, visitor, login };
    };
    const { federation, visitor, login } = await proxied('127.0.0.1');
    const headers = { 'x-forwarded-user': 'eve', 'x-forwarded-groups': 'soc' };
    expect((await visitor.ask('/api/ways', { headers })).body).toEqual({ oidc: false, proxy: true });
    const answer = await login('eve', 'staff, oncall,soc');
    expect([answer.status, answer.body]).toEqual([
      200,
      expect.objectContaining({ operator: 'eve@proxy', role: 'operator' }),
    ]);
    for (const [user, groups, status, code] of [
      ['eve', 'staff', 403, 'ROLE_UNKNOWN'],
      ['eve\u202e', 'soc', 401, 'LOGIN_REFUSED'],
      ['a b', 'soc', 401, 'LOGIN_REFUSED'],
      ['', 'soc', 401, 'LINK_INVALID'],
    ] as const) {
      const refused = await login(encodeURI(user).replace('%20', ' '), groups);
      expect([user, refused.status, refused.body]).toEqual([user, status, refusal(code)]);
    }
    expect(await federation.refusals()).toEqual(['ROLE_UNKNOWN', 'LOGIN_REFUSED', 'LOGIN_REFUSED', 'LINK_INVALID']);
    const elsewhere = await proxied('127.0.0.9');
    expect((await elsewhere.login('eve', 'soc')).body).toEqual(refusal('LINK_INVALID'));
  });

  it('gives no link where it is not served', async () => {
    const federation = await TestFederation.start();
    const ada = await Visitor.hire(federation, 'ada', 'admin');
    await expect(ada.link()).rejects.toThrow('DASHBOARD_OFF');
  });
});

async function newRequest(): Promise<Uint8Array> {
  const { newOperatorKey } = await import('../keys/operator-credentials.ts');
  return (await newOperatorKey()).request;
}
