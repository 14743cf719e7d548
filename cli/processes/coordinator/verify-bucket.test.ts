import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Result, unwrap } from '../../../base/fault.ts';
import { HeardLog } from '../../../base/testing/heard-log.ts';
import type { Bucket } from '../../../coordinator/blobs/s3/bucket.ts';
import { TestFederation } from '../../../coordinator/testing/federation.ts';
import { ObjectStore, rclone } from '../../../coordinator/testing/object-store.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import type { Digest } from '../../../proto/ids.ts';
import { rclonePath } from '../../../tools/testing/stores/rclone.mjs';
import { runTestudo } from '../../testing/command-line.ts';

const values = 3_000; // Its weights are the biggest blob.

let store: ObjectStore;
beforeAll(async () => {
  store = await ObjectStore.start(rclone(rclonePath()));
});
afterAll(() => store.remove());

/** A coordinator's configuration with its blobs below a prefix of the bucket, and what it left there when it stopped. */
async function stopped(prefix: string) {
  const folder = tempDir();
  const { endpoint, bucket, accessKeyId, secretAccessKey } = store.settings();
  const secret = (name: string, text: string) => {
    writeFileSync(join(folder, name), `${text}\n`, { mode: 0o600 });
    return { file: join(folder, name) };
  };
  const credentials = {
    accessKeyId: secret('key-id', accessKeyId),
    secretAccessKey: secret('key', secretAccessKey),
  };
  const s3 = { endpoint, bucket, prefix: `${prefix}/`, credentials };
  const settings = [
    ...[`endpoint=${endpoint}`, `bucket=${bucket}`, `prefix=${prefix}/`],
    `credentials.accessKeyId.file=${credentials.accessKeyId.file}`,
    `credentials.secretAccessKey.file=${credentials.secretAccessKey.file}`,
  ].map((each) => `blobs.s3.${each}`);
  const start = (log = new HeardLog()) =>
    TestFederation.start({ values, dataDirectory: folder, settings, log: log.log() });
  const { config, coordinator } = await start();
  await coordinator.registry.settled();
  await coordinator.close();
  const { federation, dataDirectory } = config;
  const verify = async (more: readonly string[] = [], over: Partial<typeof s3> = {}) => {
    const path = join(folder, 'kept.yaml');
    writeFileSync(
      path,
      JSON.stringify({ federation, dataDirectory, masterKey: { file: './master' }, blobs: { s3: { ...s3, ...over } } }),
    );
    return runTestudo('coordinator', 'verify', '-c', path, ...more);
  };
  // By requests: a store need not see what others do to its disk.
  const ask = async <Value>(act: (bucket: Bucket) => Promise<Result<Value>>) => {
    const opened = await store.open(prefix);
    try {
      return unwrap(await act(opened.bucket));
    } finally {
      opened.bucket.close();
    }
  };
  const lose = (hex: string) => ask((bucket) => bucket.remove(`sha256:${hex}` as Digest));
  const spoil = (hex: string) => {
    const path = join(folder, 'other bytes');
    writeFileSync(path, 'other bytes');
    return ask((bucket) => bucket.put(`sha256:${hex}` as Digest, { path, bytes: 11 }, { onlyNew: false }));
  };
  return {
    verify,
    start,
    lose,
    spoil,
    objects: join(store.folder, prefix, 'blobs'),
    files: join(dataDirectory, 'blobs'),
  };
}

it('verify looks into the bucket: what is gone is named, what is other by its digest where it is asked, and nothing is written', async () => {
  const { verify, lose, spoil, objects, files } = await stopped('looked');
  const before = readdirSync(objects);
  expect(await verify()).toMatchObject({
    code: 0,
    out: expect.stringMatching(
      /looked at the \d+ blobs that it needs in bucket blobs, whether they are there.*all are sound/,
    ),
    error: '',
  });
  const whole = JSON.parse((await verify(['--json', '--digests'])).out);
  expect(whole).toMatchObject({ blobsMissing: [], blobsDamaged: [] });
  expect(whole.blobsLooked).toBeGreaterThan(3);
  expect(readdirSync(objects)).toEqual(before);

  const [biggest = '', next = ''] = before.toSorted(
    (a, b) => statSync(join(objects, b)).size - statSync(join(objects, a)).size,
  );
  await lose(biggest);
  const named = `weights.bin of syscall@0 (sha256:${biggest})`;
  const lacks = `of what it names bucket blobs lacks ${named}`;
  expect(await verify()).toMatchObject({ code: 1, error: expect.stringMatching(/^BLOBS_MISSING: /) });
  expect((await verify()).error).toContain(`${lacks}, of which this machine has the file: a start puts it there`);
  rmSync(join(files, biggest));
  expect(JSON.parse((await verify(['--json'])).out).blobsMissing).toEqual([named]);

  await spoil(next);
  expect(JSON.parse((await verify(['--json'])).out).blobsDamaged).toEqual([]);
  const found = JSON.parse((await verify(['--json', '--digests'])).out);
  expect(found).toMatchObject({ blobsMissing: [named], blobsDamaged: [expect.stringContaining(next)] });
}, 600_000);

it('verify says that it could look at no blob where the bucket is none or does not answer, after what it says of the journal', async () => {
  const { verify } = await stopped('unasked');
  const sound = expect.stringContaining('the journal is sound');
  expect(await verify([], { bucket: 'another' })).toMatchObject({
    code: 1,
    out: sound,
    error: expect.stringMatching(/^BUCKET_NOT_FOUND: /),
  });
  const away = await verify([], { endpoint: 'http://127.0.0.1:1' });
  expect(away).toMatchObject({ out: sound, error: expect.stringMatching(/^BLOB_IO: /) });
  expect(away.code).not.toBe(0);
}, 600_000);

it('a start names what the bucket has lost and no file here has, in its log, and serves the rest', async () => {
  const { start, lose, objects, files } = await stopped('lost');
  const [biggest = ''] = readdirSync(objects).toSorted(
    (a, b) => statSync(join(objects, b)).size - statSync(join(objects, a)).size,
  );
  await lose(biggest);
  rmSync(join(files, biggest));
  const heard = new HeardLog();
  const { coordinator } = await start(heard);
  const told = {
    code: 'BLOBS_MISSING',
    cause: expect.stringContaining(`weights.bin of syscall@0 (sha256:${biggest})`),
  };
  await expect.poll(() => heard.saying('trouble'), { timeout: 600_000 }).toEqual([expect.objectContaining(told)]);
  await coordinator.close();
}, 600_000);
