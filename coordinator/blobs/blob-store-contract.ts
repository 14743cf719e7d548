import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Result, unwrap } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import type { BlobStore, Upload, UploadKey } from './blob-store.ts';

export const payload = randomBytes(700_000);
export const uploadKey: UploadKey = {
  track: 'syscall',
  round: 'r-1',
  cluster: 'eu-west-1',
  digest: digestOf(payload),
  bytes: payload.byteLength,
};

/** Sends a part of the payload in chunks; the first refusal ends it. */
export async function send(upload: Upload, from: number, until: number): Promise<Result<void>> {
  for (let at = from; at < until; at += 65_536) {
    const chunk = Buffer.from(payload.subarray(at, Math.min(at + 65_536, until)));
    const written = await upload.write(chunk);
    if (!written.ok) return written;
    chunk.fill(0); // What is written may be reused.
  }
  return { ok: true, value: undefined };
}

export const codeOf = (result: Result<unknown>) => (result.ok ? 'ok' : result.fault.code);

/** A medium that stores can be opened on, one after another; `full` gives a store on one without room. */
export type Medium = Readonly<{ open(): Promise<BlobStore>; full(): Promise<BlobStore> }>;

/** What every blob store promises, whatever it keeps its bytes on. */
export function blobStoreContract(name: string, makeMedium: () => Medium): void {
  const newStore = () => makeMedium().open();

  describe(`${name} as a blob store`, () => {
    it('gives back what was put, under its digest, whole and in part', async () => {
      const store = await newStore();
      const digest = unwrap(await store.put(payload));
      expect(digest).toBe(digestOf(payload));
      expect(unwrap(await store.put(payload))).toBe(digest);
      expect(Buffer.compare(unwrap(await store.get(digest)), payload)).toBe(0);
      expect(unwrap(await store.size(digest))).toBe(payload.byteLength);
      expect(unwrap(await store.verify(digest))).toBe(payload.byteLength);
      expect(await store.has(digest)).toBe(true);
      const tail: Uint8Array[] = [];
      for await (const chunk of store.read(digest, 600_000)) tail.push(chunk);
      expect(Buffer.compare(Buffer.concat(tail), payload.subarray(600_000))).toBe(0);
      for await (const chunk of store.read(digest)) expect(chunk.byteLength).toBeLessThanOrEqual(262_144);
      const listed: string[] = [];
      for await (const each of store.list()) listed.push(each);
      expect(listed).toEqual([digest]);
    });

    it('keeps what it was given when the giver changes its bytes, and the reader its own', async () => {
      const store = await newStore();
      const mine = Buffer.from('before');
      const digest = unwrap(await store.put(mine));
      mine.fill(0);
      unwrap(await store.get(digest)).fill(0);
      expect(Buffer.from(unwrap(await store.get(digest))).toString()).toBe('before');
    });

    it('says of what is not there, or no longer, that it is not', async () => {
      const store = await newStore();
      const digest = unwrap(await store.put(payload));
      await store.remove(digest);
      await store.remove(digest);
      for (const asked of [await store.get(digest), await store.size(digest), await store.verify(digest)]) {
        expect(codeOf(asked)).toBe('BLOB_NOT_FOUND');
      }
      expect(await store.has(digest)).toBe(false);
      await expect(async () => {
        for await (const _ of store.read(digest));
      }).rejects.toThrow();
    });

    it('names a blob that is written piece by piece when it is whole, and never one that was given up', async () => {
      const store = await newStore();
      const writer = store.create();
      const piece = Buffer.from(payload.subarray(0, 300_000));
      writer.write(piece);
      piece.fill(0); // Written is written.
      writer.write(payload.subarray(300_000));
      expect(await store.has(digestOf(payload))).toBe(false);
      expect(await writer.commit()).toBe(digestOf(payload));
      expect(Buffer.compare(unwrap(await store.get(digestOf(payload))), payload)).toBe(0);
      writer.abandon(); // Too late to do anything.
      expect(await store.has(digestOf(payload))).toBe(true);
      await expect(writer.commit()).rejects.toThrow('already committed or abandoned');

      const given = store.create();
      given.write(Buffer.from('given up'));
      given.abandon();
      given.abandon();
      expect(await store.has(digestOf(Buffer.from('given up')))).toBe(false);
      expect(() => given.write(Buffer.from('more'))).toThrow('already committed or abandoned');
    });

    it('shows blobs as files while someone works with them, and no file for what it has not', async () => {
      const store = await newStore();
      const digest = unwrap(await store.put(payload));
      const absent = digestOf(Buffer.from('absent'));
      const answer = await store.withLocalFiles([digest, absent, digest], async (pathOf) => {
        expect(Buffer.compare(readFileSync(pathOf(digest)), payload)).toBe(0);
        expect(existsSync(pathOf(absent))).toBe(false);
        return 'done';
      });
      expect(answer).toBe('done');
      const failing = store.withLocalFiles([digest], async () => {
        throw new Error('the work failed');
      });
      await expect(failing).rejects.toThrow('the work failed');
      expect(unwrap(await store.verify(digest))).toBe(payload.byteLength);
    });

    it('resumes an upload at any cut, also where it is opened again', async () => {
      const medium = makeMedium();
      for (const cut of [0, 1, 65_536, 300_001, payload.byteLength]) {
        const first = await medium.open();
        const upload = unwrap(await first.openUpload(uploadKey));
        unwrap(await send(upload, upload.received, cut));
        await upload.release();
        const second = await medium.open();
        expect(await second.uploadedBytes(uploadKey)).toBe(cut);
        const resumed = unwrap(await second.openUpload(uploadKey));
        expect(resumed.received).toBe(cut);
        unwrap(await send(resumed, cut, payload.byteLength));
        expect(unwrap(await resumed.finish())).toBe(uploadKey.digest);
        expect(Buffer.compare(unwrap(await second.get(uploadKey.digest)), payload)).toBe(0);
        await second.remove(uploadKey.digest);
      }
    });

    it('counts an upload as whole when its blob is there already', async () => {
      const store = await newStore();
      unwrap(await store.put(payload));
      expect(await store.uploadedBytes(uploadKey)).toBe(payload.byteLength);
      const upload = unwrap(await store.openUpload(uploadKey));
      expect(upload.received).toBe(payload.byteLength);
      unwrap(await upload.write(payload.subarray(upload.received)));
      expect(unwrap(await upload.finish())).toBe(uploadKey.digest);
    });

    it('refuses too many bytes, too few, others than announced, and a second stream', async () => {
      const store = await newStore();
      const upload = unwrap(await store.openUpload(uploadKey));
      expect(codeOf(await store.openUpload(uploadKey))).toBe('UPLOAD_BUSY');
      expect(codeOf(await upload.finish())).toBe('LENGTH_MISMATCH');
      unwrap(await send(upload, 0, payload.byteLength));
      expect(codeOf(await upload.write(Buffer.from([1])))).toBe('LENGTH_MISMATCH');
      await upload.release();
      await upload.release();

      const other = { ...uploadKey, digest: digestOf(Buffer.from('other')) };
      const lying = unwrap(await store.openUpload(other));
      unwrap(await send(lying, 0, payload.byteLength));
      expect(codeOf(await lying.finish())).toBe('DIGEST_MISMATCH');
      expect(await store.uploadedBytes(other)).toBe(0);
      expect(await store.has(other.digest)).toBe(false);
    });

    it('drops what is unfinished of one round and of no other', async () => {
      const store = await newStore();
      const later = { ...uploadKey, round: 'r-12' };
      for (const each of [uploadKey, later]) {
        const upload = unwrap(await store.openUpload(each));
        unwrap(await upload.write(payload.subarray(0, 100)));
        await upload.release();
      }
      await store.dropUploads('syscall', 'r-1');
      expect(await store.uploadedBytes(uploadKey)).toBe(0);
      expect(await store.uploadedBytes(later)).toBe(100);
    });

    it('takes nothing more into an upload that was dropped while it was open, and keeps nothing of it', async () => {
      const store = await newStore();
      const upload = unwrap(await store.openUpload(uploadKey));
      unwrap(await send(upload, 0, payload.byteLength));
      await store.dropUploads('syscall', 'r-1');
      expect(codeOf(await upload.write(Buffer.from([1])))).toBe('BLOB_IO');
      expect(codeOf(await upload.finish())).toBe('BLOB_IO');
      expect(await store.has(uploadKey.digest)).toBe(false);
      const again = unwrap(await store.openUpload(uploadKey));
      expect(again.received).toBe(0);
      await again.release();
    });

    it('refuses before it starts what would not fit, and counts what open uploads may still write', async () => {
      const full = await makeMedium().full();
      expect(codeOf(await full.openUpload(uploadKey))).toBe('DISK_FULL');
      expect(codeOf(await full.put(payload))).toBe('DISK_FULL');
      expect(await full.uploadedBytes(uploadKey)).toBe(0);
    });
  });
}
