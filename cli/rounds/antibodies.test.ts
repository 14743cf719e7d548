import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { track } from '../../coordinator/testing/federation.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { antibodyBytes, readAntibodies, readAntibody } from '../../proto/antibody.ts';
import { digestOf } from '../../proto/digest.ts';
import type { Digest } from '../../proto/ids.ts';
import { CommandLine } from '../testing/command-line.ts';

/** One trace a line: what is normal says open, read, close; the attack says socket, connect, dup2, execve in between. */
function traces(family: string, split: string, between: string, many: number): string {
  const calls = (at: number) => `2 0 0 3 ${between} 2 ${at % 3 === 0 ? '0 0' : '0'} 3 231`;
  return Array.from({ length: many }, (_, at) => [split, 'c1', 'nginx', family, `t${at}`, calls(at)].join('\t')).join(
    '\n',
  );
}

it('makes an antibody of confirmed attacks, brings it along with the next release, and leaves it out once revoked', async () => {
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
  const named = [
    '--federation',
    federation.config.federation,
    '--cluster',
    'eu',
    '--attacks',
    attacks,
    '--normal',
    normal,
  ];
  const made = await line.offline('antibodies', 'make', ...named, '--family', 'reverse_shell', '--out', out);
  expect(made).toMatchObject({
    code: 0,
    out: expect.stringMatching(/features of 2 distinct examples of reverse_shell/),
  });
  expect(await line.offline('antibodies', 'make', ...named, '--family', 'ransomware', '--out', out)).toMatchObject({
    code: 1,
    error: expect.stringContaining('it has: reverse_shell'),
  });
  const antibody = unwrap(readAntibody(readFileSync(out)));
  const digest = digestOf(readFileSync(out));

  const put = await line.run('antibodies', 'put', 'syscall', out, '--reason', 'seen in eu');
  expect(put).toMatchObject({ code: 0, out: expect.stringContaining(digest) });
  writeFileSync(out, readFileSync(out).subarray(1));
  expect(await line.run('antibodies', 'put', 'syscall', out, '--reason', 'broken')).toMatchObject({
    code: 1,
    error: expect.stringContaining('ANTIBODY_INVALID'),
  });

  const revoked = { ...antibody, family: 'port_scan' };
  writeFileSync(out, antibodyBytes(revoked));
  expect((await line.run('antibodies', 'put', 'syscall', out, '--reason', 'seen')).code).toBe(0);
  const wrong = digestOf(antibodyBytes(revoked));
  expect((await line.run('antibodies', 'revoke', 'syscall', wrong, '--reason', 'false')).code).toBe(0);
  expect(await line.run('antibodies', 'revoke', 'syscall', wrong, '--reason', 'again')).toMatchObject({
    code: 1,
    error: expect.stringContaining('ANTIBODY_UNKNOWN'),
  });
  const { out: listed } = await line.run('antibodies', 'list', 'syscall');
  expect(listed).toMatch(/reverse_shell +eu +2 +.* in force/);
  expect(listed).toMatch(/port_scan +eu +2 +.* revoked: false/);

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
});
