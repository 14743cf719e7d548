import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { unwrap } from '../../base/fault.ts';
import { TestAgent } from '../../coordinator/testing/agent.ts';
import type { TestCluster } from '../../coordinator/testing/cluster.ts';
import { track } from '../../coordinator/testing/federation.ts';
import { digestOf } from '../../proto/digest.ts';
import { jsonSchemas } from '../overview/wire-schemas.ts';
import { CommandLine } from '../testing/command-line.ts';

type Changed = Readonly<{
  dryRun: boolean;
  movedCount: number;
  moves: readonly Readonly<{ cluster: string; before?: number; after?: number; shadowAfter?: number }>[];
}>;

function releasingOf(line: CommandLine) {
  const known = line.federation.coordinator.engine.state().tracks.get(track);
  if (known === undefined) throw new Error('there is no track');
  return known.releasing;
}

/** One round of everyone; resolves when its candidate is a release. */
async function release(line: CommandLine, members: readonly TestCluster[], round: string): Promise<void> {
  const { federation } = line;
  const version = releasingOf(line).releases.length;
  await federation.openRound();
  for (const member of members) {
    await member.invitationTo(round);
    unwrap(await member.submit(new Float32Array(1000).fill(0.01 * version)));
  }
  await federation.until(() => releasingOf(line).channels.canary?.version === version);
  await federation.coordinator.registry.settled(); // It is signed, too.
}

function agentOf(line: CommandLine, member: TestCluster): TestAgent {
  const agent = new TestAgent(member, line.federation.coordinator);
  onTestFinished(() => agent.close());
  agent.subscribe([track]);
  return agent;
}

async function threeClusters(line: CommandLine): Promise<readonly TestCluster[]> {
  const members = await Promise.all(['a', 'b', 'c'].map((name) => line.federation.enrol(name)));
  for (const member of members) await member.watch([track]);
  return members;
}

describe('testudo releases, channels, promote and rollback', () => {
  it('take a candidate from canary to every cluster and back, each agent seeing it, dry runs changing nothing', async () => {
    const line = await CommandLine.start();
    const members = await threeClusters(line);
    const [first, second] = members as [TestCluster, TestCluster];
    const agent = agentOf(line, second);

    const assigned = await line.run('channels', 'assign', 'syscall', 'canary', 'a', '--reason', 'first to know');
    expect(assigned.code, assigned.error).toBe(0);
    await release(line, members, 'r-1');
    const channels = await line.run('channels', 'list', 'syscall');
    expect(channels.out).toMatch(/canary +1 +in shadow of stable +1\nstable +0 +live +2\nfloor 0/);

    const gateless = await line.run('gate', 'show', 'syscall');
    expect(gateless.out).toMatch(/^decision +none: no gate looks at it$/m);
    expect(gateless.out).toMatch(
      /^policy +no gate: a version is stable at once where no cluster follows canary, else /m,
    );
    const tried = await line.json<Changed>('promote', 'syscall', '--reason', 'looks good', '--dry-run');
    expect(tried).toMatchObject({ dryRun: true, movedCount: 3 });
    expect(tried.moves.map(({ cluster, before, after }) => [cluster, before, after])).toEqual([
      ['a', 0, 1],
      ['b', 0, 1],
      ['c', 0, 1],
    ]);
    expect(releasingOf(line).channels.stable?.version).toBe(0);

    const promoted = await line.run('promote', 'syscall', '--reason', 'looks good');
    expect(promoted).toMatchObject({ code: 0, out: expect.stringContaining('stable of syscall is 1') });
    const seen = await agent.until(({ catalogue }) => catalogue.tracks[track]?.channels.stable?.version === 1);
    const target = seen.catalogue.releases.find(({ version }) => version === 1);
    unwrap(await agent.acknowledge({ track, version: 1, manifestDigest: target?.manifest.digest as never }));
    const shown = await line.run('releases', 'show', 'syscall@1');
    expect(shown.out).toMatch(/b +1 +- +channel stable +live/);
    expect(shown.out).toContain('weights.bin');

    const unknown = await line.run('rollback', 'syscall', '--to', '9', '--reason', 'x');
    expect(unknown).toMatchObject({ code: 1, error: expect.stringContaining('VERSION_NOT_FOUND') });
    const back = await line.json<Changed>('rollback', 'syscall', '--reason', 'false alarms in b');
    expect(back).toMatchObject({ movedCount: 3, version: 0 });
    await agent.until(({ catalogue }) => catalogue.tracks[track]?.channels.stable?.version === 0);

    const ancestor = await line.run('releases', 'revoke', 'syscall@0', '--reason', 'try', '--dry-run');
    expect(ancestor.out).toContain('computed from it, and still allowed to run: 1. They may have learnt');
    const revoked = await line.run('releases', 'revoke', 'syscall@1', '--reason', 'poisoned');
    expect(revoked.code, revoked.error).toBe(0);
    expect(revoked.out).toContain('no other version was computed from 1');
    const again = await line.run('promote', 'syscall@1', '--reason', 'x');
    expect(again).toMatchObject({
      code: 1,
      error: expect.stringMatching(/VERSION_REVOKED.*nearest that may run is 0/),
    });
    const built = await line.run('tracks', 'head', 'syscall', '1', '--reason', 'x');
    expect(built).toMatchObject({ code: 1, error: expect.stringMatching(/VERSION_REVOKED.*nearest before it is 0/) });
    const listed = await line.run('releases', 'list', 'syscall');
    expect(listed.out).toMatch(/ 1 +[0-9a-f]{12} +r-1 .* revoked/);
    expect(first.name).toBe('a');
  });

  it('carry a release to a file and refuse it where it is already another, or spoilt', async () => {
    const line = await CommandLine.start();
    const file = join(line.folder, 'syscall-0.release');
    const exported = await line.json<{ bytes: number }>('releases', 'export', 'syscall@0', '--to', file);
    expect(readFileSync(file).byteLength).toBe(exported.bytes);
    const twice = await line.run('releases', 'export', 'syscall@0', '--to', file);
    expect(twice).toMatchObject({ code: 1, error: expect.stringMatching(/^OUTPUT_EXISTS: .* is there already/) });
    // Where it is written until it is whole has a longer name than a file may have.
    const endless = join(line.folder, 'r'.repeat(250));
    const unwritten = await line.run('releases', 'export', 'syscall@0', '--to', endless);
    expect(unwritten).toMatchObject({ code: 1, error: expect.stringMatching(/^SYSTEM_REFUSED: ENAMETOOLONG/) });
    expect(existsSync(endless)).toBe(false);
    const known = await line.run('releases', 'import', file, '--reason', 'try', '--dry-run');
    expect(known.code).toBe(1); // It is this very release.
    expect(known.error).toMatch(/IMPORT_|NOTHING_TO_CHANGE/);
    const pipe = join(line.folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const [name, why] of [
      [pipe, 'is no regular file'],
      [line.folder, 'is no regular file'],
      [join(line.folder, 'nowhere'), 'cannot be read (ENOENT)'],
    ] as const) {
      const refused = await line.run('releases', 'import', name, '--reason', 'try');
      expect(refused).toMatchObject({ code: 1, error: expect.stringContaining(`FILE_REFUSED: ${name} ${why}`) });
    }
    const nonsense = await line.run('releases', 'import', line.credentials('admin'), '--reason', 'try');
    expect(nonsense).toMatchObject({ code: 1, error: expect.stringContaining('IMPORT_') });
  });
});

describe('testudo releases export and import', () => {
  it('carry a release to another federation, which takes it on the word of that root alone, as a candidate', async () => {
    const theirs = await CommandLine.start();
    const members = await threeClusters(theirs);
    await release(theirs, members, 'r-1');
    const file = join(theirs.folder, 'syscall-1.release');
    const { digest } = await theirs.json<{ digest: string }>('releases', 'export', 'syscall@1', '--to', file);
    expect(digest).toBe(digestOf(readFileSync(file)));
    const { roots } = theirs.federation.coordinator.registry.signedSet() ?? { roots: [] };
    const root = join(theirs.folder, 'root-1.json');
    writeFileSync(root, roots[0]?.body ?? '');

    const ours = await CommandLine.start();
    // A canary cluster: what comes in waits there, as a candidate of our own would.
    await ours.federation.enrol('a');
    const assigned = await ours.run('channels', 'assign', 'syscall', 'canary', 'a', '--reason', 'first to know');
    expect(assigned.code, assigned.error).toBe(0);
    const words = ['releases', 'import', file, '--reason', 'what they learnt'];
    const untrusted = await ours.run(...words);
    expect(untrusted).toMatchObject({ code: 1, error: expect.stringContaining('IMPORT_UNTRUSTED') });
    const tried = await ours.run(...words, '--trusted-root', root, '--dry-run', '--json');
    expect(tried.code, tried.error).toBe(0);
    expect(releasingOf(ours).releases).toHaveLength(1);
    const taken = await ours.run(...words, '--trusted-root', root);
    expect(taken).toMatchObject({ code: 0, out: expect.stringContaining('is syscall@1') });
    expect(releasingOf(ours)).toMatchObject({ channels: { stable: { version: 0 }, canary: { version: 1 } } });
    const weights = (line: CommandLine) =>
      releasingOf(line).releases[1]?.manifest.files.find(({ name }) => name === 'weights.bin')?.digest;
    expect(weights(ours)).toBe(weights(theirs));
  });
});

describe('testudo gate', () => {
  it('shows what canaries report, and lets two people decide against it where the policy says two', async () => {
    const policy = `
aggregation: { f: 0, before: [], rule: { kind: krum } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 3 }, collectForMs: 60000 }
gate: { clustersMin: 1, minutesMin: 0, scoredMin: 100, agreementMin: 0.99, recallDropMax: 0.05, alertsPerDayMax: 5, hoursMax: 24, approvals: 2 }
`;
    const line = await CommandLine.start({ policy });
    await line.hire('bob', 'operator');
    const members = await threeClusters(line);
    const assigned = await line.run('channels', 'assign', 'syscall', 'canary', 'a', '--reason', 'first to know');
    expect(assigned.code, assigned.error).toBe(0);
    await release(line, members, 'r-1');
    const agent = agentOf(line, members[0] as TestCluster);
    unwrap(
      await agent.reportShadow({
        track,
        version: 1,
        liveVersion: 0,
        scoredCount: 500,
        agreedCount: 400,
        recalls: [{ attackClass: 'webshell', caseCount: 10, shadowFoundCount: 6, liveFoundCount: 9 }],
      }),
    );
    await line.federation.until(() => releasingOf(line).gates[1]?.decision !== null);
    const shown = await line.run('gate', 'show', 'syscall@1');
    expect(shown.out).toMatch(/decision +(hold|reject)/);
    const asJson = await line.json<Readonly<{ decision: string }>>('gate', 'show', 'syscall@1');
    expect(asJson.decision).toMatch(/^(hold|reject)$/);
    const schema = z.fromJSONSchema(jsonSchemas().get('gate show') as never);
    expect(schema.safeParse(asJson).error?.issues ?? []).toEqual([]);
    expect(shown.out).toContain('RECALL_FELL: webshell: 6 of 10');
    expect(shown.out).toMatch(/a +500 +80\.0 % .* webshell: 6 of 10 \(9\)/);

    const promoted = await line.run('promote', 'syscall@1', '--reason', 'x');
    expect(promoted).toMatchObject({ code: 1, error: expect.stringContaining('GATE_NOT_PASSED') });
    const words = ['gate', 'override', 'syscall@1', 'promote', '--reason', 'the webshell cases are mislabelled'];
    const alone = await line.run(...words);
    expect(alone).toMatchObject({ code: 0, out: expect.stringContaining('1 of 2 people') });
    expect(releasingOf(line).channels.stable?.version).toBe(0);
    const self = await line.run(...words);
    expect(self).toMatchObject({ code: 1, error: expect.stringContaining('APPROVAL_REPEATED') });
    const both = await line.runAs('bob', ...words, '--json');
    expect(both.code, both.error).toBe(0);
    expect(releasingOf(line).channels.stable?.version).toBe(1);
  });
});
