import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import type { Digest } from '../../proto/ids.ts';
import { codeOf, payload, send, uploadKey } from '../blobs/blob-store-contract.ts';
import { FileBlobStore } from '../blobs/file-blob-store.ts';
import type { BucketSettings } from '../blobs/s3/bucket-settings.ts';
import { openS3BlobStore } from '../blobs/s3/s3-blob-store.ts';
import { FaultyStore, type StoreFault } from './faulty-store.ts';
import type { ObjectStore } from './object-store.ts';
import { tempDir } from './temp-dir.ts';

/** Leads, and names these. */
const leads =
  (...named: Digest[]) =>
  async () =>
    new Set(named.map((digest) => digest.slice('sha256:'.length)));
const stepsDown = async () => undefined;

/** A store through a proxy, each with a folder of its own, as on machines of their own; and the same bucket without faults. */
async function machines(store: ObjectStore, more: Partial<BucketSettings> = {}) {
  const proxy = await FaultyStore.open(store.port);
  onTestFinished(() => proxy.close());
  const prefix = randomUUID();
  const open = async (settings: Partial<BucketSettings>, removalAgeMs?: number) => {
    const { bucket } = await store.open(prefix, settings);
    const dir = join(tempDir(), 'data');
    const age = removalAgeMs === undefined ? {} : { removalAgeMs };
    return { dir, bucket, blobs: await openS3BlobStore(bucket, dir, { isKeeper: true, ...age }) };
  };
  const faulty = (ageMs?: number) => open({ ...more, endpoint: proxy.endpoint }, ageMs);
  return { proxy, faulty, sound: () => open({}) };
}

/** What fails on the network and in a store, and what becomes of blobs then. */
export function storeFaults(name: string, store: () => ObjectStore): void {
  describe(`${name} that fails`, () => {
    it.each<[string, StoreFault]>([
      ['500', { kind: 'status', status: 500 }],
      ['503', { kind: 'status', status: 503 }],
      ['nothing, having done it', { kind: 'saysNothing' }],
    ])('is asked again when it answers a put with %s, and believed when it shows the blob whole', async (_, fault) => {
      const { proxy, faulty, sound } = await machines(store());
      const { blobs } = await faulty();
      proxy.failNext('PUT', 2, fault);
      const digest = unwrap(await blobs.put(payload));
      expect(Buffer.compare(unwrap(await (await sound()).blobs.get(digest)), payload)).toBe(0);
    });

    it('refuses what it cannot put, and takes it once it can: what was received is not sent again', async () => {
      const { proxy, faulty, sound } = await machines(store());
      const { blobs } = await faulty();
      proxy.failNext('PUT', 1_000, { kind: 'status', status: 503 });
      const upload = unwrap(await blobs.openUpload(uploadKey));
      unwrap(await send(upload, 0, payload.byteLength));
      expect(codeOf(await upload.finish())).toBe('BLOB_IO');
      expect(codeOf(await blobs.size(uploadKey.digest))).toBe('BLOB_IO'); // Here, and not there: it does not count.
      const writer = blobs.create();
      writer.write(Buffer.from('a candidate'));
      await expect(writer.commit()).rejects.toThrow('BLOB_IO');
      proxy.heal();
      const again = unwrap(await blobs.openUpload(uploadKey));
      expect(again.received).toBe(payload.byteLength);
      expect(unwrap(await again.finish())).toBe(uploadKey.digest);
      expect(unwrap(await (await sound()).blobs.verify(uploadKey.digest))).toBe(payload.byteLength);
    });

    it('gets what came in an upload as it was hashed on its way, and what lay here whole only once it was read', async () => {
      const { dir, blobs } = await (await machines(store())).sound();
      const reads = vi.spyOn(FileBlobStore.prototype, 'get');
      onTestFinished(() => reads.mockRestore());
      const upload = unwrap(await blobs.openUpload(uploadKey));
      unwrap(await send(upload, 0, payload.byteLength));
      unwrap(await upload.finish());
      expect(reads).not.toHaveBeenCalled();

      const other = Buffer.from(payload).fill(7);
      const key = { ...uploadKey, digest: digestOf(Buffer.from(payload).fill(8)) };
      writeFileSync(join(dir, 'blobs', key.digest.slice('sha256:'.length)), other);
      const changed = unwrap(await blobs.openUpload(key));
      expect(changed.received).toBe(payload.byteLength);
      expect(codeOf(await changed.finish())).toBe('DIGEST_MISMATCH');
    });

    it('does not get what has gone from this machine meanwhile, and is asked whether it has it', async () => {
      const { proxy, faulty } = await machines(store());
      const { blobs, dir } = await faulty();
      const hex = digestOf(payload).slice('sha256:'.length);
      const upload = unwrap(await blobs.openUpload(uploadKey));
      unwrap(await send(upload, 0, payload.byteLength));
      proxy.fault = ({ method }) => {
        if (method !== 'PUT') return undefined;
        rmSync(join(dir, 'blobs', hex), { force: true });
        return { kind: 'status', status: 503 };
      };
      expect(codeOf(await upload.finish())).toBe('BLOB_NOT_FOUND');
      expect(codeOf(await blobs.size(uploadKey.digest))).toBe('BLOB_NOT_FOUND');
      proxy.heal();
      expect(unwrap(await blobs.put(payload))).toBe(uploadKey.digest);
    });

    it('leaves on this machine what it could not put, listed, so that a start can take it away', async () => {
      const { proxy, faulty } = await machines(store());
      const { blobs, dir } = await faulty();
      const there = unwrap(await blobs.put(Buffer.from('there')));
      proxy.failNext('PUT', 1_000, { kind: 'status', status: 503 });
      expect(codeOf(await blobs.put(payload))).toBe('BLOB_IO');
      const listed: Digest[] = [];
      for await (const digest of blobs.list()) listed.push(digest);
      expect(listed).toEqual([there, digestOf(payload)]);
      await blobs.remove(digestOf(payload));
      expect(readdirSync(join(dir, 'blobs'))).toEqual([there.slice('sha256:'.length)]);
    });

    it('does not have what it does not show after a put', async () => {
      const { proxy, faulty } = await machines(store());
      const { blobs } = await faulty();
      proxy.fault = ({ method }) => (method === 'HEAD' ? { kind: 'status', status: 404 } : undefined);
      expect(codeOf(await blobs.put(payload))).toBe('BLOB_IO');
      proxy.heal();
      expect(unwrap(await blobs.put(payload))).toBe(digestOf(payload));
    });

    it.each<[string, StoreFault]>([
      ['half of the bytes', { kind: 'half' }],
      ['other bytes', { kind: 'otherBytes' }],
      ['500', { kind: 'status', status: 500 }],
    ])('is not believed when it answers a get with %s, nor is anything of it kept', async (_, fault) => {
      const { proxy, faulty, sound } = await machines(store());
      const digest = unwrap(await (await sound()).blobs.put(payload));
      const { blobs, dir } = await faulty();
      proxy.failNext('GET', 1_000, fault);
      expect(codeOf(await blobs.get(digest))).toBe('BLOB_IO');
      expect(codeOf(await blobs.verify(digest))).toBe('BLOB_IO');
      await expect(blobs.withLocalFiles([digest], async () => 'worked')).rejects.toThrow('BLOB_IO');
      expect([readdirSync(join(dir, 'blobs')), readdirSync(join(dir, 'partial'))]).toEqual([[], []]);
      proxy.failNext('GET', 1, fault);
      expect(Buffer.compare(unwrap(await blobs.get(digest)), payload)).toBe(0);
    });

    it('is given up when it gives a byte a second', async () => {
      const { proxy, faulty, sound } = await machines(store(), {
        patienceMs: 1_000,
        tries: { max: 1, between: { firstMs: 1, maxMs: 1 } },
      });
      const small = randomBytes(64); // At 64 KiB/s it has no time beside the second.
      const digest = unwrap(await (await sound()).blobs.put(small));
      const { blobs } = await faulty();
      proxy.failNext('GET', 1_000, { kind: 'trickle' });
      expect(codeOf(await blobs.get(digest))).toBe('BLOB_IO');
    });

    it('is taken for what it says of what is not there, and asked anew later', async () => {
      const { proxy, faulty, sound } = await machines(store());
      const digest = unwrap(await (await sound()).blobs.put(payload));
      const { blobs } = await faulty();
      proxy.fault = ({ method }) => (method === 'HEAD' ? { kind: 'status', status: 404 } : undefined);
      expect(codeOf(await blobs.get(digest))).toBe('BLOB_NOT_FOUND');
      proxy.heal();
      expect(unwrap(await blobs.size(digest))).toBe(payload.byteLength);
    });

    it('gets back what it has lost and this machine still has', async () => {
      const { faulty, sound } = await machines(store());
      const { blobs, bucket, dir } = await faulty();
      const digest = unwrap(await blobs.put(payload));
      unwrap(await bucket.remove(digest));
      const other = (await sound()).blobs;
      expect(await other.has(digest)).toBe(false);
      const restarted = await openS3BlobStore(bucket, dir, { isKeeper: true });
      expect(unwrap(await restarted.size(digest))).toBe(payload.byteLength);
      expect(unwrap(await other.verify(digest))).toBe(payload.byteLength);
    });
  });

  describe(`${name}, and what goes from it`, () => {
    const gone = async (
      { bucket }: Awaited<ReturnType<Awaited<ReturnType<typeof machines>>['faulty']>>,
      digest: Digest,
    ) => unwrap(await bucket.head(digest)) === undefined;

    it('loses nothing younger than a day, however often it is swept', async () => {
      const machine = await (await machines(store())).faulty();
      const digest = unwrap(await machine.blobs.put(payload));
      await machine.blobs.remove(digest);
      for (const _ of [1, 2, 3]) expect(await machine.blobs.sweep(leads())).toBe(0);
      expect(await gone(machine, digest)).toBe(false);
    });

    it('loses what was asked for at the second sweep, and only to a coordinator that leads then', async () => {
      const machine = await (await machines(store())).faulty(-60_000);
      const digest = unwrap(await machine.blobs.put(payload));
      await machine.blobs.remove(digest);
      expect(await machine.blobs.sweep(leads(digest))).toBe(0);
      expect(await machine.blobs.sweep(stepsDown)).toBe(0);
      expect(await gone(machine, digest)).toBe(false);
      expect(await machine.blobs.sweep(leads(digest))).toBe(1); // Named by history, and asked for all the same.
      expect(await gone(machine, digest)).toBe(true);
    });

    it('keeps what somebody looked at or put since, and what the state has named since', async () => {
      const machine = await (await machines(store())).faulty(-60_000);
      const { blobs } = machine;
      const [seen, put, named] = await Promise.all(
        ['seen', 'put', 'named'].map((text) => blobs.put(Buffer.from(text))),
      );
      const digests = [seen, put, named].map((each) => unwrap(each as NonNullable<typeof each>));
      for (const digest of digests) await blobs.remove(digest);
      expect(await blobs.sweep(leads())).toBe(0);
      expect(await blobs.has(digests[0] as Digest)).toBe(true);
      unwrap(await blobs.put(Buffer.from('put')));
      for (const _ of [1, 2]) expect(await blobs.sweep(leads(digests[2] as Digest))).toBe(0);
      for (const digest of digests) expect(await gone(machine, digest)).toBe(false);
    });

    it('loses what nothing named at the second sweep, here and there, and keeps all of what is named by then', async () => {
      const machine = await (await machines(store())).faulty(-60_000);
      const { blobs, dir } = machine;
      const [orphan, soon, later, seen] = (await Promise.all(
        ['orphan', 'soon', 'later', 'seen'].map(async (text) => unwrap(await blobs.put(Buffer.from(text)))),
      )) as [Digest, Digest, Digest, Digest];
      for (const digest of [orphan, soon, later, seen]) blobs.removeUnnamed(digest);
      expect(await blobs.sweep(leads(soon))).toBe(0);
      expect(await blobs.has(seen)).toBe(true);
      expect(await blobs.sweep(leads(later))).toBe(1);
      for (const _ of [1, 2]) expect(await blobs.sweep(leads())).toBe(0);
      for (const digest of [orphan, soon, later, seen]) {
        const isHere = existsSync(join(dir, 'blobs', digest.slice('sha256:'.length)));
        expect([isHere, !(await gone(machine, digest))], digest).toEqual(Array(2).fill(digest !== orphan));
      }
    });

    it('loses nothing while it fails, nor to a listing that is old', async () => {
      const { proxy, faulty } = await machines(store());
      const machine = await faulty(-60_000);
      const { blobs } = machine;
      const first = unwrap(await blobs.put(Buffer.from('first')));
      const listed = async () => {
        const found: Digest[] = [];
        for await (const digest of blobs.list()) found.push(digest);
        return found;
      };
      expect(await listed()).toEqual([first]);
      const { listing } = proxy;
      const second = unwrap(await blobs.put(Buffer.from('second')));
      await blobs.remove(first);
      await blobs.sweep(leads());
      proxy.fault = ({ method }) => (method === 'HEAD' ? { kind: 'status', status: 500 } : undefined);
      expect(await blobs.sweep(leads())).toBe(0);
      proxy.fault = ({ method }) => (method === 'DELETE' ? { kind: 'status', status: 500 } : undefined);
      expect(await blobs.sweep(leads())).toBe(0);
      proxy.heal();
      expect(await gone(machine, first)).toBe(false);
      expect(await blobs.sweep(leads())).toBe(1);

      proxy.fault = ({ isListing }) => (isListing ? { kind: 'old', body: listing } : undefined);
      expect(await listed()).toEqual([first, second]); // The one that is gone; the new one from this machine's files.
      await blobs.remove(first);
      for (const _ of [1, 2, 3]) expect(await blobs.sweep(leads())).toBe(0);
      expect(await blobs.has(second)).toBe(true);
      proxy.fault = ({ isListing }) => (isListing ? { kind: 'status', status: 500 } : undefined);
      await expect(listed()).rejects.toThrow('BLOB_IO');
    });

    it('tells who asks for a blob that is on its way out only when it is gone', async () => {
      const { proxy, faulty } = await machines(store());
      const { blobs } = await faulty(-60_000);
      const digest = unwrap(await blobs.put(payload));
      await blobs.remove(digest);
      await blobs.sweep(leads());
      const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      proxy.fault = ({ method }) => {
        if (method !== 'DELETE') return undefined;
        reached.resolve();
        return { kind: 'held', until: released.promise };
      };
      const sweeping = blobs.sweep(leads());
      await reached.promise;
      const asked = blobs.has(digest);
      released.resolve();
      expect([await sweeping, await asked]).toEqual([1, false]);
      unwrap(await blobs.put(payload));
      expect(await blobs.has(digest)).toBe(true);
    });
  });
}
