import { expect, it } from 'vitest';
import { CommandLine } from '../testing/command-line.ts';

it('testudo dashboard prints a link that opens one session of who asked, or says what to set', async () => {
  const line = await CommandLine.start({ settings: ['listen.dashboard=127.0.0.1:0'] });
  const { code, out, error } = await line.run('dashboard');
  expect([code, error]).toEqual([0, expect.stringMatching(/^opens one session, once, until 2/)]);
  const address = line.federation.coordinator.addresses.dashboard ?? '';
  expect(out.startsWith(`${address}/login#`)).toBe(true);
  const headers = { origin: address, 'content-type': 'application/json' };
  const body = JSON.stringify({ secret: out.trim().split('#')[1] });
  const login = await fetch(`${address}/api/login`, { method: 'POST', headers, body });
  expect(await login.json()).toMatchObject({ operator: 'admin', role: 'admin' });

  const without = await CommandLine.start();
  const refused = await without.run('dashboard');
  expect(refused).toMatchObject({ code: 1, error: expect.stringContaining('DASHBOARD_OFF') });
  expect(refused.error).toContain('listen.dashboard');
});
