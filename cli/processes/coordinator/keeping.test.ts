import { linkSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { HeardLog } from '../../../base/testing/heard-log.ts';
import { masterKey, TestFederation } from '../../../coordinator/testing/federation.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { runTestudo } from '../../testing/command-line.ts';

const values = 3_000; // Its weights are the biggest blob.

/** A coordinator's configuration, and its folder at rest. */
async function stopped() {
  const folder = tempDir();
  const { config, coordinator } = await TestFederation.start({ values, dataDirectory: folder });
  await coordinator.registry.settled();
  await coordinator.close();
  const { federation, dataDirectory } = config;
  const path = join(folder, 'kept.yaml');
  writeFileSync(path, JSON.stringify({ federation, dataDirectory, masterKey: { file: './master' } }));
  const backUp = (name: string) => runTestudo('coordinator', 'backup', '-c', path, '--to', join(folder, name));
  return { folder, path, backUp, blobs: join(dataDirectory, 'blobs') };
}

function biggestOf(folder: string): string {
  const sizeOf = (name: string) => statSync(join(folder, name)).size;
  return readdirSync(folder).toSorted((a, b) => sizeOf(b) - sizeOf(a))[0] ?? expect.fail(`${folder} is empty`);
}

it('a blob that is gone and is needed is named by a backup and by verify, each ending with 1, and by the next start; whole, nothing says anything', async () => {
  const { folder, path, backUp, blobs } = await stopped();
  const verify = (...more: string[]) => runTestudo('coordinator', 'verify', '-c', path, ...more);
  expect(await backUp('whole')).toMatchObject({ code: 0, error: '' });
  expect(statSync(join(folder, 'whole', 'journal.sqlite')).mode & 0o777).toBe(0o600);
  expect(JSON.parse((await verify('--json', '--digests')).out)).toMatchObject({ blobsMissing: [], blobsDamaged: [] });
  expect((await verify()).out).toMatch(
    /looked at the \d+ blobs that it needs in \S+blobs, whether they are there.*: all are sound/,
  );

  const biggest = biggestOf(blobs);
  rmSync(join(blobs, biggest));
  const named = `weights.bin of syscall@0 (sha256:${biggest})`;
  expect(await verify()).toMatchObject({
    code: 1,
    out: expect.stringContaining('the journal is sound'),
    error: expect.stringMatching(/^BLOBS_MISSING: of what it names /),
  });
  const said = await verify('--json');
  expect(said).toMatchObject({ code: 1, error: expect.stringContaining(named) });
  expect(JSON.parse(said.out)).toMatchObject({ blobsMissing: [named] });
  expect(await backUp('lacking')).toMatchObject({ code: 1, out: '', error: expect.stringContaining(named) });

  const heard = new HeardLog();
  const again = await TestFederation.start({ values, dataDirectory: folder, log: heard.log() });
  await again.coordinator.close();
  const told = { code: 'BLOBS_MISSING', cause: expect.stringContaining(named) };
  expect(heard.saying('trouble')).toEqual([expect.objectContaining(told)]);
}, 600_000);

it('a backup of bytes that are not what their names say is told as such, and ends with 1', async () => {
  const { folder, path, backUp, blobs } = await stopped();
  expect(await backUp('whole')).toMatchObject({ code: 0, error: '' });

  const name = biggestOf(blobs);
  const bytes = readFileSync(join(blobs, name));
  bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
  writeFileSync(join(blobs, name), bytes);
  const verified = await runTestudo('coordinator', 'verify', '-c', path, '--digests');
  expect(verified).toMatchObject({ code: 1, error: expect.stringMatching(/^BLOBS_DAMAGED: /) });
  expect(verified.error).toContain(name);
  const told = `BLOBS_DAMAGED: ${join(folder, 'damaged')} holds the journal up to entry`;
  expect(await backUp('damaged')).toMatchObject({ code: 1, out: '', error: expect.stringContaining(told) });
  expect((await backUp('again')).error).toContain(
    `1 of its blobs are not what their names say, beginning with ${name}`,
  );
}, 600_000);

it('a key that a disk changed is told as such by who needs it, and one whose erasing was cut off is gone', async () => {
  const { folder, path } = await stopped();
  writeFileSync(join(folder, 'master'), `${masterKey}\n`, { mode: 0o600 });
  const keys = join(folder, 'data', 'keys');
  const exportRoot = (name: string, ...more: readonly string[]) =>
    runTestudo('coordinator', 'export-root', '-c', path, '--to', join(folder, name), ...more);
  const whole = readFileSync(join(keys, 'root-key'));
  const changed = Buffer.from(whole);
  changed.writeUInt8(changed.readUInt8(whole.byteLength - 1) ^ 1, whole.byteLength - 1);
  writeFileSync(join(keys, 'root-key'), changed);
  expect(await exportRoot('damaged.key')).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^KEY_DAMAGED: key root-key in \S+: it does not open .*restore it from a backup\n$/),
  });

  // As of a process that was killed when the key was in its file and the old one overwritten.
  writeFileSync(join(keys, 'root-key'), whole);
  linkSync(join(keys, 'root-key'), join(folder, 'left'));
  expect(await exportRoot('root.key', '--releases-to', join(folder, 'nowhere', 'releases.key'))).toMatchObject({
    code: 5,
    out: '',
    error: expect.stringMatching(
      /^HALF_DONE: the root key is in \S+root.key and no longer .*ENOENT.*same command again/,
    ),
  });
  expect(await exportRoot('elsewhere.key')).toMatchObject({
    code: 0,
    error: 'the root key is not with the coordinator\n',
  });
  renameSync(join(folder, 'left'), join(keys, 'root-key'));
  expect(await exportRoot('again.key')).toMatchObject({ code: 1, error: expect.stringMatching(/^ROOT_KEY_ABSENT: /) });
}, 600_000);
