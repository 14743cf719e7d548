import { expect, it } from 'vitest';
import { track } from '../../coordinator/testing/federation.ts';
import { parseClusterId } from '../../proto/ids.ts';
import { CommandLine } from '../testing/command-line.ts';

it('a token for a name that somebody has says whose place it gives away, what becomes of him, and how to take it back', async () => {
  const line = await CommandLine.start();
  const { federation } = line;
  const member = await federation.enrol('eu-1');
  const create = (name: string, ...more: readonly string[]) => line.run('tokens', 'create', name, ...more);
  const fresh = await create('eu-2');
  expect(fresh.error).not.toContain('member');

  const again = await create('eu-1', '--label', 'region=eu');
  expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/^\S+\n$/) }); // The token alone, to be piped.
  expect(again.error).toMatch(/^eu-1 is a member since \d{4}-\S+.*: whoever uses this token takes its place, /);
  expect(again.error).toContain('as labels those of this token (region=eu)');
  expect(again.error).toContain('CERTIFICATE_SUPERSEDED');
  const [, tokenId = ''] = /testudo tokens revoke ([0-9a-f]+) --reason/.exec(again.error) ?? [];
  expect((await line.run('tokens', 'revoke', tokenId, '--reason', 'meant eu-3')).code).toBe(0);
  const json = JSON.parse((await create('eu-1', '--json')).out) as { memberSinceMs: number; memberRevoked: boolean };
  expect(json.memberSinceMs).toBe(
    federation.coordinator.engine.state().clusters.get(parseClusterId('eu-1'))?.enrolledAtMs,
  );
  expect(json.memberRevoked).toBe(false);

  // What it says is what happens: another client enrols under the name, and the first one is no longer let in.
  await federation.enrol('eu-1');
  const before = federation.connect(member.applied, member.enrolled);
  await before.watch([track]);
  expect(await before.watchFault).toBe('CERTIFICATE_SUPERSEDED');

  expect((await line.run('clusters', 'revoke', 'eu-1', '--reason', 'sold')).code).toBe(0);
  const readmits = await create('eu-1');
  expect(readmits.error).toMatch(/^eu-1 was revoked: whoever uses this token lets it in again/);
}, 600_000);
