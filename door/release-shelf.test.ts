import { expect, it } from 'vitest';
import { ok, refuse } from '../base/fault.ts';
import { MovedTimers } from '../base/testing/moved-timers.ts';
import type { MetadataRef } from '../coordinator/ledger/state/releasing.ts';
import { digestOf } from '../proto/digest.ts';
import { ReleaseShelf } from './release-shelf.ts';

const refOf = (text: string, version: number): MetadataRef => ({
  ...{ version, digest: digestOf(Buffer.from(text)), bytes: text.length, expiresAtMs: 1 },
});

it('a shelf tries again for a set whose bytes cannot be read, hears of a newer one meanwhile, and rests once it is closed', async () => {
  const timers = new MovedTimers();
  const bodies = new Map<string, Buffer>();
  const keep = (text: string) => bodies.set(digestOf(Buffer.from(text)), Buffer.from(text));
  const metadataOf = (version: number) => ({
    ...{ roots: [refOf('root', 1)], pins: null },
    set: {
      timestamp: refOf(`timestamp ${version}`, version),
      snapshot: refOf('snapshot', 1),
      catalogue: refOf('catalogue', 1),
    },
  });
  let metadata = metadataOf(1);
  const heard = new Set<(entry: { event: { kind: string } }) => void>();
  const facts = {
    state: () => ({ metadata }),
    follow: (listener: never) => {
      heard.add(listener);
      return () => void heard.delete(listener);
    },
  };
  const troubles: string[] = [];
  const served: number[] = [];
  let reads = 0;
  const get = async (digest: string) => {
    reads += 1;
    const body = bodies.get(digest);
    return body === undefined ? refuse('BLOB_IO', 'away') : ok(body);
  };
  const shelf = new ReleaseShelf({
    facts: facts as never,
    blobs: { get } as never,
    timers,
    trouble: (code) => troubles.push(code),
  });
  shelf.follow(({ timestamp }) => served.push(timestamp.version));
  // It tries again after a time by chance, which may be none.
  await expect.poll(() => troubles.length).toBeGreaterThan(0);
  expect(shelf.signedSet()).toBeUndefined();

  for (const text of ['root', 'snapshot', 'catalogue', 'timestamp 1']) keep(text);
  timers.pass(30_000);
  await expect.poll(() => served).toEqual([1]);
  expect(new Set(troubles)).toEqual(new Set(['BLOB_IO']));

  // The next one's bytes come late, and another set is signed while the shelf waits for them.
  const sign = (version: number) => {
    metadata = metadataOf(version);
    for (const listener of heard) listener({ event: { kind: 'releaseSetSigned' } });
  };
  const before = troubles.length;
  sign(2);
  await expect.poll(() => troubles.length).toBeGreaterThan(before);
  keep('timestamp 3');
  sign(3);
  await expect.poll(() => served).toEqual([1, 3]);
  expect(shelf.signedSet()?.timestamp.body.toString()).toBe('timestamp 3');

  await shelf.close();
  expect(heard.size).toBe(0);
  const readsAtEnd = reads;
  timers.pass(60_000);
  expect(reads).toBe(readsAtEnd);
});
