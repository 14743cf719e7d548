import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { HubAuthority } from '../../client/hub/authority.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { CommandLine } from '../testing/command-line.ts';

async function openTokens(line: CommandLine, wanted: string): Promise<readonly string[]> {
  const { out, code, error } = await line.run('tokens', 'list', '--json');
  expect(code, error).toBe(0);
  const tokens = out
    .trim()
    .split('\n')
    .map((row) => JSON.parse(row));
  return tokens.filter(({ cluster, revoked }) => cluster === wanted && !revoked).map(({ tokenId }) => tokenId);
}

describe('testudo cluster', () => {
  it('add writes the token as a Secret, and values and root without one; remove voids it again', async () => {
    const line = await CommandLine.start();
    const out = join(tempDir(), 'eu-west-1');
    const words = ['--out', out, '--namespace', 'ids', '--coordinator', 'herd.example.org:7442', '--label', 'zone=eu'];
    const added = await line.run('cluster', 'add', 'eu-west-1', ...words);
    expect(added.error).toContain(`kubectl apply -f ${out}/secrets.yaml\nhelm install testudo`);
    expect(added).toMatchObject({ code: 0, out: '' });
    const [namespace, secret, authority] = parseAllDocuments(await readFile(join(out, 'secrets.yaml'), 'utf8')).map(
      (one) => one.toJS(),
    );
    expect(namespace).toMatchObject({ kind: 'Namespace', metadata: { name: 'ids' } });
    expect(secret).toMatchObject({ kind: 'Secret', metadata: { name: 'testudo-join-token', namespace: 'ids' } });
    const { data } = authority as { data: Record<string, string> };
    const [certificate, key] = ['tls.crt', 'tls.key'].map((name) =>
      Buffer.from(data[name] ?? '', 'base64').toString('utf8'),
    );
    expect((await HubAuthority.of({ certificate, key } as { certificate: string; key: string })).ok).toBe(true);
    expect((await stat(join(out, 'secrets.yaml'))).mode & 0o777).toBe(0o600);
    const token = Buffer.from(secret.data.token, 'base64').toString('utf8');
    const values = await readFile(join(out, 'values.yaml'), 'utf8');
    const root = await readFile(join(out, 'root.json'), 'utf8');
    for (const text of [values, root, added.error]) expect(text).not.toContain(token);
    expect(parse(values)).toMatchObject({
      client: {
        coordinator: { addresses: ['herd.example.org:7442'], enrolAddress: 'herd.example.org:7441' },
        trustAnchor: root,
      },
    });

    const { code, out: said } = await line.run(
      'cluster',
      'remove',
      'eu-west-1',
      '-r',
      'typed wrongly',
      '--namespace',
      'ids',
    );
    expect(code).toBe(0);
    expect(said).toContain('eu-west-1 is no member; 1 open token(s) voided');
    expect(said).toContain('helm uninstall testudo --namespace ids');
    expect(await line.json('tokens', 'list')).toMatchObject({ cluster: 'eu-west-1', revoked: true });
    expect(await line.run('cluster', 'remove', 'eu-west-1', '-r', 'again')).toMatchObject({ code: 1 });
  });

  it('add voids what a first add left open: one token at a time lets a cluster in', async () => {
    const line = await CommandLine.start();
    const add = async (name: string) => await line.run('cluster', 'add', name, '--out', join(tempDir(), 'eu-west-1'));
    await add('eu-west-2');
    await add('eu-west-1');
    const [first] = await openTokens(line, 'eu-west-1');
    expect((await add('eu-west-1')).error).toContain(`void from now on: token ${first}, which nobody had used`);
    const open = await openTokens(line, 'eu-west-1');
    expect(open).toHaveLength(1);
    expect(open).not.toContain(first);
    expect(await openTokens(line, 'eu-west-2')).toHaveLength(1);
  });

  it('add voids no token before the one that replaces it is on disk', async () => {
    const line = await CommandLine.start();
    await line.run('cluster', 'add', 'eu-west-1', '--out', join(tempDir(), 'eu-west-1'));
    const [first] = await openTokens(line, 'eu-west-1');
    const full = join(tempDir(), 'full');
    await mkdir(join(full, 'secrets.yaml'), { recursive: true }); // No file can take its place.
    expect(await line.run('cluster', 'add', 'eu-west-1', '--out', full)).toMatchObject({
      code: 5,
      error: expect.stringMatching(/HALF_DONE: token \w+ for eu-west-1 is made; .*EISDIR.*the same command again/),
    });
    expect(await openTokens(line, 'eu-west-1')).toContain(first);
  });

  it('add --gitops writes no secret: its manifest is all that standard output holds', async () => {
    const line = await CommandLine.start();
    const out = join(tempDir(), 'us-east-1');
    const added = await line.run('cluster', 'add', 'us-east-1', '--out', out, '--gitops');
    expect(added.code, added.error).toBe(0);
    const kinds = parseAllDocuments(added.out).map((one) => one.toJS().kind);
    expect(kinds).toEqual(['Namespace', 'Secret', 'Secret']);
    await expect(stat(join(out, 'secrets.yaml'))).rejects.toThrow('ENOENT');
  });

  it('add spends no token on what is wrong', async () => {
    const line = await CommandLine.start();
    const added = await line.run('cluster', 'add', 'us-east-1', '--out', tempDir(), '--label', 'zone');
    expect(added).toMatchObject({ code: 2, error: expect.stringContaining('--label') });
    const out = ['--out', tempDir()];
    expect(await line.run('cluster', 'add', 'us-east-1', ...out, '--hours', '1e9')).toEqual({
      code: 2,
      out: '',
      error: 'USAGE: --hours: expected a number above 0, up to 720; got 1e9\n',
    });
    for (const name of ['Herd', 'x\ny: z']) {
      const { code, error } = await line.run('cluster', 'add', 'us-east-1', ...out, `--namespace=${name}`);
      expect({ code, says: error.includes('Kubernetes takes 1 to 63 of a-z') }).toEqual({ code: 2, says: true });
    }
    const file = join(tempDir(), 'a-file');
    await writeFile(file, '');
    expect((await line.run('cluster', 'add', 'us-east-1', '--out', join(file, 'below'))).code).not.toBe(0);
    expect((await line.run('tokens', 'list', '--json')).out).toBe('');
  });
});
