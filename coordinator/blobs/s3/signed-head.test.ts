import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { ShiftedTimers } from '../../../base/testing/shifted-timers.ts';
import { digestOf } from '../../../proto/digest.ts';
import { rclonePath } from '../../../tools/testing/stores/rclone.mjs';
import { ObjectStore, rclone } from '../../testing/object-store.ts';
import { Bucket } from './bucket.ts';
import { loadSdk, openClient } from './client.ts';
import { SignedHead } from './signed-head.ts';

const never = new AbortController().signal;
let store: ObjectStore;
let folder: string;
beforeAll(async () => {
  [store, folder] = await Promise.all([
    ObjectStore.start(rclone(rclonePath())),
    mkdtemp(path.join(os.tmpdir(), 'heads-')),
  ]);
});
afterAll(async () => {
  await store.remove();
  await rm(folder, { recursive: true });
});

test.each(['plain', 'a b+c', "o'clock (ü)!*", 'deep/er/~x_y-z.w'])(
  'a signed HEAD › is what a store takes under the prefix %j, of what is there and of what is not',
  async (prefix) => {
    const { bucket } = await store.open(prefix);
    const bytes = randomBytes(70_000);
    const file = path.join(folder, 'blob');
    await writeFile(file, bytes);
    const digest = digestOf(bytes);
    unwrap(await bucket.put(digest, { path: file, bytes: bytes.byteLength }, { onlyNew: false }));
    const heads = new SignedHead(store.settings(prefix), systemTimers);
    expect((await heads.ask(bucket.keyOf(digest), never)).headers['content-length']).toBe('70000');
    expect((await heads.ask(bucket.keyOf(digestOf(Buffer.from('another'))), never)).status).toBe(404);
    const forged = new SignedHead(store.settings(prefix, { secretAccessKey: 'another secret' }), systemTimers);
    expect((await forged.ask(bucket.keyOf(digest), never)).status).toBe(403);
    const stored = unwrap(await bucket.head(digest));
    expect(stored?.bytes).toBe(70_000);
    expect(stored?.ageMs).toBeGreaterThanOrEqual(0);
    expect(unwrap(await bucket.head(digestOf(Buffer.from('another'))))).toBeUndefined();
    for (const each of [heads, forged, bucket]) each.close();
  },
);

test('a blob is looked for by the SDK where the store says neither that it is there nor that it is not', async () => {
  const asked: IncomingMessage[] = [];
  // A store whose clock is another: it refuses what is not signed by its own, as the SDK then does.
  const atMs = systemTimers.now() + 3_600_000;
  const server = createServer((request, response) => {
    asked.push(request);
    const stamp = String(request.headers['x-amz-date']);
    const signedAtMs = Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    response.setHeader('date', new Date(atMs).toUTCString());
    if (Math.abs(signedAtMs - atMs) > 900_000) return void response.writeHead(403).end();
    response.writeHead(200, { 'content-length': '1234', 'last-modified': new Date(atMs - 5_000).toUTCString() }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sdk = await loadSdk();
  const opened = (timers: typeof systemTimers | ShiftedTimers) => {
    const settings = { ...store.settings(), endpoint: `http://127.0.0.1:${port}` };
    const habits = { checksBytes: false, keepsFirst: false };
    return new Bucket({ settings, client: openClient(sdk, settings), sdk, timers, habits });
  };
  const digest = digestOf(Buffer.from('a blob'));
  const ours = opened(systemTimers);
  expect(unwrap(await ours.head(digest))).toEqual({ bytes: 1234, ageMs: 5_000 });
  expect(asked.length).toBeGreaterThan(1);
  asked.length = 0;
  const theirs = opened(new ShiftedTimers(3_600_000));
  expect(unwrap(await theirs.head(digest))).toEqual({ bytes: 1234, ageMs: 5_000 });
  expect(asked).toHaveLength(1);
  ours.close();
  theirs.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
