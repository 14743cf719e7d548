import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { backUp } from '../../coordinator/backup.ts';
import { TestAgent } from '../../coordinator/testing/agent.ts';
import { enrolCluster, type TestCluster } from '../../coordinator/testing/cluster.ts';
import { operator, track } from '../../coordinator/testing/federation.ts';
import { parseClusterId } from '../../proto/ids.ts';
import { resolveRelease } from '../../proto/release/resolve.ts';
import type { ReleaseTrust } from '../../proto/release/trust.ts';
import type { ReleaseProposal } from '../../proto/release/walk.ts';
import { CommandLine } from '../testing/command-line.ts';

/** Three clusters with a site label each, and version 1 out of a round, stable everywhere. */
async function withVersionOne(line: CommandLine): Promise<readonly TestCluster[]> {
  const { federation } = line;
  const { coordinator } = federation;
  const members: TestCluster[] = [];
  for (const [name, site] of [
    ['a', 'east'],
    ['b', 'east'],
    ['c', 'west'],
  ] as const) {
    const wanted = { cluster: parseClusterId(name), lifetimeMs: 3_600_000, labels: { site } };
    const { text } = unwrap(await coordinator.membership.mintToken(operator, wanted));
    const member = unwrap(await enrolCluster(coordinator.addresses, federation.authority, text));
    onTestFinished(() => member.close());
    await member.watch([track]);
    members.push(member);
  }
  await federation.openRound();
  for (const member of members) {
    await member.invitation();
    unwrap(await member.submit(new Float32Array(1000).fill(0.01)));
  }
  await federation.until(
    ({ tracks, metadata }) =>
      tracks.get(track)?.releasing.channels.stable?.version === 1 &&
      (metadata.set?.coversSeq ?? 0) >= metadata.changedSeq,
  );
  return members;
}

function agentOf(line: CommandLine, member: TestCluster): TestAgent {
  const agent = new TestAgent(member, line.federation.coordinator);
  onTestFinished(() => agent.close());
  agent.subscribe([track]);
  return agent;
}

const pinned = (version: number) => (proposal: ReleaseProposal) => proposal.pins.version === version;

describe('testudo pin', () => {
  it('holds a label on a version, signed by the operator and verified by each agent, until it is unpinned', async () => {
    const line = await CommandLine.start();
    const members = await withVersionOne(line);
    const agent = agentOf(line, members[2] as TestCluster);
    const pin = ['pin', 'site=east', 'syscall@0', '--until', '14d', '--reason', 'quarter close'];

    const tried = await line.run(...pin, '--dry-run');
    expect(tried).toMatchObject({ code: 0, error: expect.stringContaining("trusting this federation's root") });
    expect(tried.out).toMatch(/a +syscall +1 -> 0 .*\nb +syscall +1 -> 0/);
    expect(tried.out).not.toMatch(/^c /m);
    expect(existsSync(`${line.credentials('admin')}.trust`)).toBe(true);
    expect(line.federation.coordinator.engine.state().metadata.pins?.version).toBe(1);

    const held = await line.run(...pin);
    expect(held).toMatchObject({ code: 0, out: expect.stringContaining('pins version 2 is in force') });
    const { pins, catalogue } = await agent.until(pinned(2));
    expect(pins.pins).toMatchObject([
      { subject: { label: { key: 'site', value: 'east' } }, version: 0, setBy: 'admin' },
    ]);
    expect(catalogue.tracks[track]?.channels.stable?.version).toBe(1);

    const listed = await line.run('pins', 'list');
    expect(listed.out).toMatch(/site=east +syscall@0 +\S+Z +in force +admin +quarter close/);
    const renewed = await line.run('pins', 'renew', '--valid-days', '30', '--reason', 'yearly');
    expect(renewed.out).toContain('pins version 3 is in force');
    const unpinned = await line.run('unpin', 'site=east', '--reason', 'quarter is closed');
    expect(unpinned).toMatchObject({ code: 0, out: expect.stringMatching(/a +syscall +0 -> 1/) });
    expect((await agent.until(pinned(4))).pins.pins).toEqual([]);
  });

  it('is refused with the nearest legal choice: no such version, revoked, ended, no key, a key unknown to root', async () => {
    const line = await CommandLine.start();
    await withVersionOne(line);
    await line.hire('bob', 'operator');
    const revoked = await line.run('releases', 'revoke', 'syscall@0', '--reason', 'poisoned');
    expect(revoked.code, revoked.error).toBe(0);
    const cases: [readonly string[], RegExp][] = [
      [['pin', 'a', 'syscall@7', '--reason', 'x'], /VERSION_UNKNOWN.* 1/],
      [['pin', 'a', 'syscall@0', '--reason', 'x'], /VERSION_REVOKED.* 1/],
      [['pin', 'a', 'syscall@1', '--until', '2020-01-01T00:00Z', '--reason', 'x'], /PIN_EXPIRED/],
      [['unpin', 'a', '--reason', 'x'], /PIN_NOT_FOUND/],
    ];
    for (const [words, message] of cases) {
      expect(await line.run(...words), words.join(' ')).toMatchObject({
        code: 1,
        error: expect.stringMatching(message),
      });
    }
    const bob = await line.runAs('bob', 'pin', 'a', 'syscall@1', '--reason', 'x');
    expect(bob).toMatchObject({ code: 1, error: expect.stringContaining('PIN_KEY_UNKNOWN') });
    expect(line.federation.coordinator.engine.state().metadata.pins?.version).toBe(1);
  });
});

describe('testudo pin --below-floor', () => {
  it('signs the exception that a plain pin is refused, and only the pinned cluster goes below the floor', async () => {
    const line = await CommandLine.start();
    const members = await withVersionOne(line);
    await line.federation.openRound();
    for (const member of members) {
      await member.invitationTo('r-2');
      unwrap(await member.submit(new Float32Array(1000).fill(0.02)));
    }
    await line.federation.until(({ tracks }) => tracks.get(track)?.releasing.channels.stable?.version === 2);
    await line.federation.coordinator.registry.settled(); // The command reads the floor in what is signed.
    const agent = agentOf(line, members[0] as TestCluster);
    const pin = ['pin', 'a', 'syscall@0', '--until', '7d', '--reason', 'its detector of record'];
    expect(await line.run(...pin)).toMatchObject({ code: 1, error: expect.stringMatching(/BELOW_FLOOR.* 1/) });
    const held = await line.run(...pin, '--below-floor');
    expect(held).toMatchObject({ code: 0, out: expect.stringMatching(/a +syscall +2 -> 0/) });
    const { pins, catalogue } = await agent.until(pinned(2));
    expect(pins.pins).toMatchObject([{ subject: { cluster: 'a' }, version: 0, belowFloor: true, setBy: 'admin' }]);
    const resolved = (cluster: string) =>
      resolveRelease({ cluster: parseClusterId(cluster), labels: {} }, track, catalogue, pins, Date.now());
    expect(resolved('a')).toMatchObject({ value: { live: { version: 0 }, because: { kind: 'pin' } } });
    expect(resolved('b')).toMatchObject({ value: { live: { version: 2 }, because: { kind: 'channel' } } });
    expect((await line.run('pins', 'list')).out).toContain('in force, below the floor');
  });
});

describe('testudo pins renew --after-restore', () => {
  it('brings pins forward again after a restore from a backup, until agents take them for news', async () => {
    const line = await CommandLine.start();
    const { federation } = line;
    const member = await federation.enrol('a');
    const before = agentOf(line, member);
    const { dataDirectory } = federation.config;
    const backup = join(line.folder, 'backup');
    unwrap(await backUp(dataDirectory, backup));
    for (const reason of ['one', 'two']) expect((await line.run('pins', 'renew', '--reason', reason)).code).toBe(0);
    await before.until(pinned(3)); // What was signed after the backup.
    await federation.coordinator.close();
    rmSync(dataDirectory, { recursive: true });
    renameSync(backup, dataDirectory);
    const now = Date.now; // Nobody restores a backup in the second in which the coordinator was lost.
    const later = vi.spyOn(Date, 'now').mockImplementation(() => now() + 60_000);
    onTestFinished(() => later.mockRestore());
    await federation.restart();

    const restored = await federation.reconnect(member);
    /** The agent as it comes back, with what it trusted before the backup was restored. */
    const comeBack = () => {
      const agent = new TestAgent(restored, federation.coordinator);
      onTestFinished(() => agent.close());
      agent.trust = before.trust as ReleaseTrust;
      agent.subscribe([track], 2);
      return agent;
    };
    await expect(comeBack().until(() => true)).rejects.toMatchObject({ fault: { code: 'METADATA_ROLLED_BACK' } });
    const plain = await line.run('pins', 'renew', '--reason', 'restored');
    expect(plain).toMatchObject({ code: 1, error: expect.stringContaining('METADATA_ROLLED_BACK') });
    const listed = await line.run('pins', 'list');
    expect(listed).toMatchObject({ code: 1, error: expect.stringContaining('`testudo pins renew --after-restore`') });
    const renewed = await line.run('pins', 'renew', '--after-restore', '--reason', 'restored');
    expect(renewed).toMatchObject({ code: 0, out: expect.stringContaining('pins version 4 is in force') });
    expect((await comeBack().until(() => true)).pins.version).toBe(4);
  });
});

describe('testudo pins sign', () => {
  it('puts a set in force with the second of two keys that root wants, and only the set that was read', async () => {
    const line = await CommandLine.start();
    const members = await withVersionOne(line);
    const bobs = ['--role', 'operator', '--out', line.credentials('bob')];
    const hired = await line.run('operators', 'add', 'bob', ...bobs, '--reason', 'the second of two');
    expect(hired.code, hired.error).toBe(0);
    expect(JSON.parse(readFileSync(line.credentials('bob'), 'utf8'))).not.toHaveProperty('pinKey');
    const added = unwrap(await line.federation.coordinator.engine.audit(1, 10_000)).map(({ event }) => event);
    expect(added).toContainEqual(
      expect.objectContaining({ kind: 'operatorAdded', name: 'bob', reason: 'the second of two' }),
    );
    const at = (name: string) => join(line.folder, name);
    await line.run('pins', 'list'); // Writes the trust file that the next root follows.
    const bobsKey = JSON.parse((await line.runAs('bob', 'pins', 'key', '--json')).out) as { publicKey: string };
    const { exportReleaseRootKey } = await import('../../coordinator/registry/signing/release-keys.ts');
    const { Vault } = await import('../../coordinator/keys/vault.ts');
    const { masterKey } = await import('../../coordinator/testing/federation.ts');
    const vault = unwrap(await Vault.open(join(line.federation.config.dataDirectory, 'keys'), masterKey));
    unwrap(await exportReleaseRootKey(vault, at('root.pem')));
    const trust = `${line.credentials('admin')}.trust`;
    const offline = await line.offline(
      'root',
      'rotate',
      trust,
      '--out',
      at('3.json'),
      '--add',
      `pins=${bobsKey.publicKey}`,
      '--threshold',
      'pins=2',
    );
    expect(offline.code, offline.error).toBe(0);
    const signed = await line.offline(
      'root',
      'sign',
      at('3.json'),
      '--key',
      at('root.pem'),
      '--out',
      at('3-signed.json'),
    );
    expect(signed.code, signed.error).toBe(0);
    const agent = agentOf(line, members[0] as TestCluster);
    const publish = ['root', 'publish', at('3-signed.json'), '--reason', 'two people for pins'];
    const tooFew = await line.run(...publish);
    expect(tooFew).toMatchObject({ code: 1, error: expect.stringContaining('PINS_UNSIGNED') });
    const renewed = [
      'pins',
      'renew',
      '--out',
      at('pins-1.json'),
      '--under',
      at('3-signed.json'),
      '--reason',
      'two people',
    ];
    expect((await line.run(...renewed)).code).toBe(0);
    const cosigned = ['pins', 'sign', at('pins-1.json'), '--out', at('pins-2.json'), '--reason', 'two people'];
    const twice = JSON.parse((await line.runAs('bob', ...cosigned, '--json')).out) as { signers: readonly string[] };
    expect(new Set(twice.signers).size).toBe(2);
    const published = await line.run(...publish, '--pins', at('pins-2.json'));
    expect(published.code, published.error).toBe(0);

    const alone = await line.run('pin', 'a', 'syscall@0', '--reason', 'hold it');
    expect(alone).toMatchObject({ code: 0, out: expect.stringContaining('signed by 1 of 2') });
    const listed = await line.runAs('bob', 'pins', 'list');
    const [, name = ''] = /testudo pins sign (\w+)/.exec(listed.out) ?? [];
    expect(listed.out).toContain('+ ');
    const asJson = await line.runAs('bob', 'pins', 'list', '--json');
    expect(JSON.parse(asJson.out).pending).toMatchObject({ version: 3, name, signers: [expect.any(String)] });
    const other = await line.runAs('bob', 'pins', 'sign', '0123456789ab', '--reason', 'seen');
    expect(other).toMatchObject({ code: 1, error: expect.stringContaining('PROPOSAL_CHANGED') });
    for (const verb of [['pins'], ['response', 'policy']]) {
      const tried = await line.runAs('bob', ...verb, 'sign', name, '--reason', 'seen', '--dry-run', '--json');
      expect(JSON.parse(tried.out)).toMatchObject({ dryRun: true, sequence: 0, proposed: { pins: [{ version: 0 }] } });
    }
    // Another set in its place is said to be that, also where it is only tried.
    const replacing = ['pin', 'b', 'syscall@0', '--reason', 'hold that one'];
    for (const [words, code] of [
      [[...replacing, '--dry-run'], 0],
      [replacing, 0],
    ] as const) {
      expect(await line.runAs('bob', ...words)).toMatchObject({
        code,
        error: expect.stringContaining(`this replaces the set that waits (${name}, signed by 1 of 2)`),
      });
    }
    const gone = await line.runAs('bob', 'pins', 'sign', name, '--reason', 'seen');
    expect(gone).toMatchObject({ code: 1, error: expect.stringContaining('PROPOSAL_CHANGED') });
    const again = await line.run('pin', 'a', 'syscall@0', '--reason', 'hold it');
    expect(again).toMatchObject({ code: 0, error: expect.stringContaining('this replaces the set that waits') });
    const [, anew = ''] = /testudo pins sign (\w+)/.exec((await line.runAs('bob', 'pins', 'list')).out) ?? [];
    const both = await line.runAs('bob', 'pins', 'sign', anew, '--reason', 'seen');
    expect(both).toMatchObject({ code: 0, out: expect.stringContaining('is in force') });
    const { pins, root } = await agent.until(({ pins: { pins } }) => pins.length === 1);
    expect(pins.pins).toMatchObject([{ subject: { cluster: 'a' }, version: 0 }]);
    expect(root.roles.pins.threshold).toBe(2);
  });
});
