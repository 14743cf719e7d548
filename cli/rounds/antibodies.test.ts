import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ok, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { shortDigest } from '../../base/text/table.ts';
import { type Address, parseAddress } from '../../client/link/address.ts';
import { enrol } from '../../client/link/enrol.ts';
import { AgentRig } from '../../client/releases/testing/agent-rig.ts';
import { RecordingHost } from '../../client/releases/testing/recording-host.ts';
import { operator, track } from '../../coordinator/testing/federation.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { antibodyBytes, readAntibodies, readAntibody } from '../../proto/antibody.ts';
import { digestOf } from '../../proto/digest.ts';
import { type Digest, parseClusterId } from '../../proto/ids.ts';
import { parseJoinToken } from '../../proto/join-token.ts';
import { CommandLine } from '../testing/command-line.ts';

/** One trace a line: what is normal says open, read, close; the attack says socket, connect, dup2, execve in between. */
function traces(family: string, split: string, between: string, many: number): string {
  const calls = (at: number) => `2 0 0 3 ${between} 2 ${at % 3 === 0 ? '0 0' : '0'} 3 231`;
  return Array.from({ length: many }, (_, at) => [split, 'c1', 'nginx', family, `t${at}`, calls(at)].join('\t')).join(
    '\n',
  );
}

it('makes an antibody of confirmed attacks, brings it along with the next release, leaves it out once revoked, and holds clusters to one by pins', async () => {
  const folder = tempDir();
  const [attacks, normal, out] = ['attacks.tsv', 'normal.tsv', 'antibody.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(attacks, `${traces('reverse_shell', 'attack', '41 42 33 33 59', 6)}\n`);
  writeFileSync(normal, `${traces('normal', 'train', '8 9', 30)}\n`);
  const line = await CommandLine.start({});
  const { federation } = line;
  const about = [
    '--federation',
    federation.config.federation,
    '--cluster',
    'eu',
    '--attacks',
    attacks,
    '--normal',
    normal,
  ];
  const made = await line.offline('antibodies', 'make', ...about, '--family', 'reverse_shell', '--out', out);
  expect(made).toMatchObject({
    code: 0,
    out: expect.stringMatching(/features of 2 distinct examples of reverse_shell/),
    error: expect.stringContaining('clusters do not use an antibody of fewer than 3 distinct examples'),
  });
  expect(await line.offline('antibodies', 'make', ...about, '--family', 'ransomware', '--out', out)).toMatchObject({
    code: 1,
    error: expect.stringContaining('it has: reverse_shell'),
  });
  const antibody = unwrap(readAntibody(readFileSync(out)));
  const digest = digestOf(readFileSync(out));

  const put = await line.run('antibodies', 'put', 'syscall', out, '--reason', 'seen in eu');
  expect(put).toMatchObject({
    code: 0,
    out: expect.stringMatching(
      new RegExp(
        `${digest}.*\nthe next release of syscall brings it; at once: testudo antibodies pin syscall ${digest.slice(7, 19)} `,
      ),
    ),
    error: expect.stringMatching(/and this one is of 2: confirm more of them.*\nwarning: no member is called eu, /),
  });
  writeFileSync(out, readFileSync(out).subarray(1));
  expect(await line.run('antibodies', 'put', 'syscall', out, '--reason', 'broken')).toMatchObject({
    code: 1,
    error: expect.stringContaining('ANTIBODY_INVALID'),
  });
  writeFileSync(out, Buffer.alloc(7 << 20, ' '));
  expect(await line.run('antibodies', 'put', 'syscall', out, '--reason', 'large')).toMatchObject({
    code: 1,
    error: expect.stringContaining('ANTIBODY_INVALID: antibody: at most 131072 bytes'),
  });

  const revoked = { ...antibody, family: 'port_scan' };
  writeFileSync(out, antibodyBytes(revoked));
  expect((await line.run('antibodies', 'put', 'syscall', out, '--reason', 'seen')).code).toBe(0);
  const wrong = digestOf(antibodyBytes(revoked));
  const revoke = (named: string) => line.run('antibodies', 'revoke', 'syscall', named, '--reason', 'false');
  expect(await revoke('ffffff')).toMatchObject({ code: 1, error: expect.stringContaining('names 0 antibodies') });
  expect((await revoke(shortDigest(wrong))).code).toBe(0); // As they are listed.
  expect(await line.run('antibodies', 'revoke', 'syscall', wrong, '--reason', 'again')).toMatchObject({
    code: 1,
    error: expect.stringContaining('ANTIBODY_UNKNOWN'),
  });
  // One family of one cluster twice: which of the two is the newer is said, and that both count.
  writeFileSync(out, antibodyBytes({ ...antibody, examples: 4 }));
  const beside = await line.run('antibodies', 'put', 'syscall', out, '--reason', 'more of them');
  expect(beside.error).toContain(`takes its place: testudo antibodies revoke syscall ${digest.slice(7, 19)} --reason`);
  const gone = await revoke(digestOf(readFileSync(out)));
  expect(gone.out).toMatch(/until they install a later release; to end that at once: .* --out-of-use --reason WHY/);
  const over = {
    digest: digestOf(Buffer.from('over')),
    bytes: 4,
    family: 'brief',
    cluster: parseClusterId('eu'),
    examples: 3,
  };
  const event = { kind: 'antibodyPut', track, ...over, expiresAtMs: 1, reason: 'in its day' } as const;
  // As earlier builds took it in.
  const endless = { ...event, digest: digestOf(Buffer.from('endless')), family: 'endless', expiresAtMs: 2 ** 53 - 1 };
  const events = [event, endless];
  unwrap(await federation.coordinator.engine.commit(operator, () => ok({ events, value: undefined })));

  const { out: listed } = await line.run('antibodies', 'list', 'syscall');
  expect(listed).toMatch(/reverse_shell +eu +2 +.* in force/);
  expect(listed).toMatch(/port_scan +eu +2 +.* revoked: false/);
  expect(listed).toMatch(/brief +eu +3 +1970-01-01T00:00:00Z +expired/);
  expect(listed).toMatch(/endless +eu +3 +9007199254740991 ms +in force/);
  expect((await revoke(endless.digest)).code).toBe(0);

  for (const member of await federation.round(['a', 'b', 'c']))
    unwrap(await member.submit(new Float32Array(1000).fill(0.01)));
  const { engine } = federation.coordinator;
  const releases = () => engine.state().tracks.get(track)?.releasing.releases ?? [];
  await federation.until(() => releases().length === 2);
  const [first, second] = releases().map(({ manifest }) =>
    manifest.files.find(({ name }) => name === 'antibodies.jsonl'),
  );
  expect(first).toBeUndefined();
  expect(unwrap(readAntibodies(unwrap(await engine.blobs.get(second?.digest as Digest))))).toEqual([antibody]);

  // An agent of a cluster of its own, over the wire, and what operators hold it to.
  const { addresses, membership } = federation.coordinator;
  const wanted = { cluster: parseClusterId('d'), lifetimeMs: 3_600_000, labels: {} };
  const { text } = unwrap(await membership.mintToken(operator, wanted));
  const [enrolment, member] = [addresses.enrolment, addresses.federation].map((one) => unwrap(parseAddress(one)));
  const token = unwrap(parseJoinToken(text));
  const identity = unwrap(await enrol(enrolment as Address, token, { timeoutMs: 60_000, timers: systemTimers }));
  const host = new RecordingHost();
  const agent = await AgentRig.open({ folder, address: member as Address, track, identity, host });
  onTestFinished(() => agent.agent.close());
  agent.connect();
  await agent.until('installed', ({ version }) => version === 1);
  const moved = async (...words: string[]) => {
    const from = agent.events.length;
    const told = await line.run(...words);
    expect(told, told.error).toMatchObject({ code: 0 });
    await agent.until('installed', () => true, from);
    return told.out;
  };
  const pin = ['antibodies', 'pin', 'syscall'];
  const named = digest.slice(7, 19);
  const dry = await line.run(...pin, named, 'd', '--out-of-use', '--dry-run', '--reason', 'false alarms');
  expect(dry).toMatchObject({ code: 0, out: expect.stringContaining('holds d to antibody') });
  const out_ = await moved(...pin, named, 'd', '--out-of-use', '--reason', 'false alarms');
  expect(out_).toContain(`holds d to antibody ${named} of syscall out of use (reverse_shell)`);
  expect(await host.held()).toMatchObject([
    { digest, because: expect.stringMatching(/^pin \w+ \(admin: false alarms\)$/), bytes: undefined },
  ]);
  // Revoked, and in no release: it comes by itself.
  const kept = await moved(...pin, wrong, '--reason', 'still needed', '--json');
  const { pin: made_ } = JSON.parse(kept) as { pin: { pinId: string } };
  expect((await host.held()).map(({ bytes }) => bytes)).toContain(antibodyBytes(revoked).toString('utf8'));
  const pins = await line.run('pins', 'list');
  expect(pins.out).toMatch(new RegExp(`d +antibody ${named} of syscall out of use +in force +admin +false alarms`));
  expect(pins.out).toMatch(/every cluster +antibody \w+ of syscall in use +in force +admin +still needed/);
  await moved('unpin', made_.pinId, '--reason', 'over');
  await moved('unpin', 'd', '--reason', 'mended');
  expect(await host.held()).toEqual([]);
  for (const digits of ['000000000000', named.slice(0, 3)]) {
    expect(await line.run(...pin, digits, '--reason', 'a slip')).toMatchObject({
      code: 1,
      error: expect.stringContaining('ANTIBODY_UNKNOWN'),
    });
  }
});
