import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lastingPorts } from '../base/testing/lasting-ports.ts';
import { TestFederation } from '../coordinator/testing/federation.ts';
import { openPage, pages, useBrowser } from '../tools/testing/browser.ts';

const groups: Readonly<Record<string, readonly string[]>> = { ada: ['staff', 'oncall'], eve: ['staff'] };

/** A real provider of OpenID Connect, with pages of its own on which people log in. */
async function startProvider(redirect: string): Promise<string> {
  const [port = 0] = await lastingPorts(1);
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      { client_id: 'testudo', redirect_uris: [redirect], token_endpoint_auth_method: 'none', response_types: ['code'] },
    ],
    claims: { openid: ['sub', 'preferred_username', 'groups'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: { keys: ['for tests alone'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, groups: [...(groups[id] ?? [])] }),
    }),
  });
  const server = createServer(provider.callback());
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return issuer;
}

describe('people whom an identity provider knows', () => {
  useBrowser();

  it('log in by code, PKCE, state and nonce, with the role that their groups give, and no other way', async () => {
    const [port = 0] = await lastingPorts(1);
    const url = `http://127.0.0.1:${port}`;
    const issuer = await startProvider(`${url}/api/oidc/back`);
    const federation = await TestFederation.start({
      settings: [
        `listen.dashboard=127.0.0.1:${port}`,
        `dashboard.url=${url}`,
        `dashboard.oidc.issuer=${issuer}`,
        'dashboard.oidc.clientId=testudo',
        'dashboard.oidc.roles.operator=[oncall]',
      ],
      pages,
    });
    const logIn = async (name: string) => {
      const seen = await openPage(url, `${url}/rounds`);
      await seen.page.getByRole('link', { name: 'Log in with your identity provider' }).click();
      await seen.page.getByPlaceholder('Enter any login').fill(name);
      await seen.page.getByPlaceholder('and password').fill('any');
      await seen.page.getByRole('button', { name: 'Sign-in' }).click();
      await seen.page.getByRole('button', { name: 'Continue' }).click();
      return seen.page;
    };
    const ada = await logIn('ada');
    await ada.getByRole('navigation').waitFor();
    await ada.getByText('ada@oidc operator').waitFor();
    const cookies = await ada.context().cookies(url);
    expect(cookies.find(({ name }) => name === 'testudo-herd')).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    // What she does stands in the journal under that name.
    await ada.getByRole('link', { name: 'Releases' }).click();
    await ada.getByRole('button', { name: 'Freeze' }).click();
    await ada.getByRole('textbox').fill('a holiday');
    await ada.getByRole('button', { name: 'Show what would happen' }).click();
    await ada.getByRole('button', { name: 'Freeze now' }).click();
    await ada.getByText(/Done: entry \d+/).waitFor();
    const frozen = (await federation.audit()).find(({ event }) => event.kind === 'freezeSet');
    expect(frozen?.actor).toEqual({ kind: 'operator', name: 'ada@oidc', role: 'operator' });

    const eve = await logIn('eve');
    await eve.getByText('nothing that was said of you gives a role here').waitFor();

    // Somebody else's code, in a browser that began nothing.
    const forged = await fetch(`${url}/api/oidc/back?code=x&state=y`, { redirect: 'manual' });
    expect([forged.status, forged.headers.get('location')]).toEqual([302, '/login?refused=LOGIN_REFUSED']);
    expect(forged.headers.get('set-cookie')).toBeNull();
    expect(await federation.refusals()).toEqual(expect.arrayContaining(['ROLE_UNKNOWN', 'LOGIN_REFUSED']));
  });
});
