import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Result, unwrap } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import { canMount, mountSmallDisk } from '../testing/small-disk.ts';
import { tempDir } from '../testing/temp-dir.ts';
import type { Upload, UploadKey } from './blob-store.ts';
import { openFileBlobStore } from './file-blob-store.ts';

const payload = randomBytes(700_000);
const key: UploadKey = {
  track: 'syscall',
  round: 'r-1',
  cluster: 'eu-west-1',
  digest: digestOf(payload),
  bytes: payload.byteLength,
};

async function send(upload: Upload, from: number, until: number): Promise<Result<void>> {
  for (let at = from; at < until; at += 65_536) {
    const written = await upload.write(payload.subarray(at, Math.min(at + 65_536, until)));
    if (!written.ok) return written;
  }
  return { ok: true, value: undefined };
}

const codeOf = (result: Result<unknown>) => (result.ok ? 'ok' : result.fault.code);

describe('a blob store', () => {
  it('gives back what was put, under its digest, readable by the owner only', async () => {
    const dir = tempDir();
    const store = await openFileBlobStore(dir);
    const digest = unwrap(await store.put(payload));
    expect(digest).toBe(digestOf(payload));
    expect(unwrap(await store.put(payload))).toBe(digest);
    expect(Buffer.compare(unwrap(await store.get(digest)), payload)).toBe(0);
    expect(unwrap(await store.size(digest))).toBe(payload.byteLength);
    const tail: Uint8Array[] = [];
    for await (const chunk of store.read(digest, 600_000)) tail.push(chunk);
    expect(Buffer.compare(Buffer.concat(tail), payload.subarray(600_000))).toBe(0);
    expect(statSync(store.path(digest)).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(dir, 'partial'))).toEqual([]);
    const listed: string[] = [];
    for await (const each of store.list()) listed.push(each);
    expect(listed).toEqual([digest]);
    await store.remove(digest);
    expect(codeOf(await store.get(digest))).toBe('BLOB_NOT_FOUND');
  });

  it('notices bytes that were changed on disk', async () => {
    const store = await openFileBlobStore(tempDir());
    const digest = unwrap(await store.put(payload));
    const changed = readFileSync(store.path(digest));
    changed[5] = (changed[5] as number) ^ 1;
    writeFileSync(store.path(digest), changed);
    expect(codeOf(await store.get(digest))).toBe('DIGEST_MISMATCH');
  });

  it('resumes an upload at any cut, also in another process', async () => {
    const dir = tempDir();
    for (const cut of [0, 1, 65_536, 300_001, payload.byteLength]) {
      const first = await openFileBlobStore(dir);
      const upload = unwrap(await first.openUpload(key));
      unwrap(await send(upload, upload.received, cut));
      await upload.release();
      const second = await openFileBlobStore(dir);
      expect(await second.uploadedBytes(key)).toBe(cut);
      const resumed = unwrap(await second.openUpload(key));
      expect(resumed.received).toBe(cut);
      unwrap(await send(resumed, cut, payload.byteLength));
      expect(unwrap(await resumed.finish())).toBe(key.digest);
      expect(Buffer.compare(unwrap(await second.get(key.digest)), payload)).toBe(0);
      await second.remove(key.digest);
    }
  });

  it('counts an upload as whole when its blob is there already', async () => {
    const store = await openFileBlobStore(tempDir());
    unwrap(await store.put(payload));
    expect(await store.uploadedBytes(key)).toBe(payload.byteLength);
    const upload = unwrap(await store.openUpload(key));
    expect(upload.received).toBe(payload.byteLength);
    unwrap(await upload.write(payload.subarray(upload.received)));
    expect(unwrap(await upload.finish())).toBe(key.digest);
  });

  it('refuses too many bytes, too few, others than announced, and a second stream', async () => {
    const dir = tempDir();
    const store = await openFileBlobStore(dir);
    const upload = unwrap(await store.openUpload(key));
    expect(codeOf(await store.openUpload(key))).toBe('UPLOAD_BUSY');
    expect(codeOf(await upload.finish())).toBe('LENGTH_MISMATCH');
    unwrap(await send(upload, 0, payload.byteLength));
    expect(codeOf(await upload.write(Buffer.from([1])))).toBe('LENGTH_MISMATCH');
    await upload.release();

    const other = { ...key, digest: digestOf(Buffer.from('other')) };
    const lying = unwrap(await store.openUpload(other));
    unwrap(await send(lying, 0, payload.byteLength));
    expect(codeOf(await lying.finish())).toBe('DIGEST_MISMATCH');
    expect(await store.uploadedBytes(other)).toBe(0);
    expect(await store.has(other.digest)).toBe(false);
  });

  it('drops what is unfinished of one round and of no other', async () => {
    const store = await openFileBlobStore(tempDir());
    const later = { ...key, round: 'r-12' };
    for (const each of [key, later]) {
      const upload = unwrap(await store.openUpload(each));
      unwrap(await upload.write(payload.subarray(0, 100)));
      await upload.release();
    }
    await store.dropUploads('syscall', 'r-1');
    expect(await store.uploadedBytes(key)).toBe(0);
    expect(await store.uploadedBytes(later)).toBe(100);
  });

  it('refuses before it starts when the announced bytes would not fit beside the reserve', async () => {
    const dir = tempDir();
    const { freeBytes } = await openFileBlobStore(dir, { reserveBytes: 0 }).then(async (store) => ({
      freeBytes: await store.freeBytes(),
    }));
    const store = await openFileBlobStore(dir, { reserveBytes: freeBytes * 2 });
    expect(codeOf(await store.openUpload(key))).toBe('DISK_FULL');
    expect(codeOf(await store.put(payload))).toBe('DISK_FULL');
  });

  it('survives a disk that fills during an upload: refused, then resumed when there is room', async (context) => {
    const dir = join(tempDir(), 'disk');
    mkdirSync(dir);
    if (!canMount(dir)) return context.skip('mounting a tmpfs is not allowed here');
    mountSmallDisk(dir, 1_024);
    const store = await openFileBlobStore(dir, { reserveBytes: 0 });
    const upload = unwrap(await store.openUpload(key));
    unwrap(await upload.write(payload.subarray(0, 65_536)));
    writeFileSync(join(dir, 'ballast'), Buffer.alloc(700 * 1_024));
    const sent = await send(upload, 65_536, payload.byteLength);
    expect(codeOf(sent)).toBe('DISK_FULL');
    const { received } = upload;
    await upload.release();
    rmSync(join(dir, 'ballast'));
    const resumed = unwrap(await store.openUpload(key));
    expect(resumed.received).toBe(received);
    unwrap(await send(resumed, received, payload.byteLength));
    expect(unwrap(await resumed.finish())).toBe(key.digest);
  });
});
