import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { verifyDataDir } from './backup.ts';
import { packFounding, unpackFounding } from './founding-archive.ts';
import { TestFederation } from './testing/federation.ts';
import { tempDir } from './testing/temp-dir.ts';

/** A data directory as a coordinator leaves it, and a packed copy of it. */
async function packed() {
  const federation = await TestFederation.start({ dataDirectory: tempDir() });
  const { dataDirectory: from } = federation.config;
  const running = unwrap(await packFounding(from));
  await federation.coordinator.close();
  const file = join(tempDir(), 'founding.gz');
  await writeFile(file, unwrap(await packFounding(from)));
  return { from, running, file };
}

const contents = async (folder: string, name: string) => {
  const names = (await readdir(join(folder, name))).sort();
  const digest = async (one: string) =>
    createHash('sha256')
      .update(await readFile(join(folder, name, one)))
      .digest('hex');
  return await Promise.all(names.map(async (one) => [one, await digest(one)]));
};

describe('a founding', () => {
  it('unpacks to a data directory with the same keys, identity and blobs and a sound journal', async () => {
    const { from, file } = await packed();
    const to = join(tempDir(), 'data');
    expect(unwrap(await unpackFounding(to, file))).toBe(true);
    for (const name of ['keys', 'identity', 'blobs'])
      expect(await contents(to, name)).toEqual(await contents(from, name));
    expect(verifyDataDir(to)).toEqual(verifyDataDir(from));
  });

  it('is sound too where it was packed beside a running coordinator', async () => {
    const { running } = await packed();
    const file = join(tempDir(), 'founding.gz');
    await writeFile(file, running);
    const to = join(tempDir(), 'data');
    expect(unwrap(await unpackFounding(to, file))).toBe(true);
    expect(unwrap(verifyDataDir(to)).seq).toBeGreaterThan(0);
  });

  it('leaves data alone that is there, and begins anew where it was cut off before the journal', async () => {
    const { file } = await packed();
    const to = join(tempDir(), 'data');
    await mkdir(join(to, 'keys'), { recursive: true });
    await writeFile(join(to, 'keys', 'release-key'), 'half');
    expect(unwrap(await unpackFounding(to, file))).toBe(true);
    expect(await readFile(join(to, 'keys', 'release-key'), 'utf8')).not.toBe('half');
    await writeFile(join(to, 'keys', 'release-key'), 'of a later time');
    expect(unwrap(await unpackFounding(to, file))).toBe(false);
    expect(unwrap(await unpackFounding(to, '/nowhere'))).toBe(false);
    expect(await readFile(join(to, 'keys', 'release-key'), 'utf8')).toBe('of a later time');
  });

  it.each([
    ['nothing', undefined, 'FOUNDING_MISSING'],
    ['no archive', 'plain text', 'FOUNDING_INVALID'],
    ['no journal', archive({ 'keys/release-key': '' }), 'FOUNDING_INVALID'],
    ['a path that leads out', archive({ 'journal.sqlite': '', 'keys/../../evil': '' }), 'FOUNDING_INVALID'],
    ['another absolute path', archive({ 'journal.sqlite': '', '/etc/evil': '' }), 'FOUNDING_INVALID'],
    ['content that is not base64', archive({ 'journal.sqlite': '?' }), 'FOUNDING_INVALID'],
  ])('is refused as %s, and nothing is written', async (_what, content, code) => {
    const file = join(tempDir(), 'founding.gz');
    if (content !== undefined) await writeFile(file, content);
    const to = join(tempDir(), 'data');
    expect(await unpackFounding(to, file)).toMatchObject({ ok: false, fault: { code } });
    expect(await readdir(to).catch(() => [])).toEqual([]);
  });

  it('is refused when it would fit no Secret', async () => {
    const { from } = await packed();
    const noise = Buffer.from(Array.from({ length: 1 << 20 }, (_, at) => (at * at * 7919) >> 7));
    await writeFile(join(from, 'blobs', 'a'.repeat(64)), noise);
    expect(await packFounding(from)).toMatchObject({ ok: false, fault: { code: 'FOUNDING_TOO_LARGE' } });
    await rm(join(from, 'blobs', 'a'.repeat(64)));
    expect((await packFounding(from)).ok).toBe(true);
  });
});

function archive(files: Readonly<Record<string, string>>): Buffer {
  return gzipSync(JSON.stringify({ format: 'testudo/founding/1', files }));
}
