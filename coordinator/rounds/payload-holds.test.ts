import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import type { ClusterId, Digest } from '../../proto/ids.ts';
import { MemoryBlobStore } from '../blobs/memory-blob-store.ts';
import { type Invitation, type SealedUpdate, sealDelta } from '../testing/sealed-delta.ts';
import { deltaOf } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { PayloadHolds } from './payload-holds.ts';

const [a, b] = clusters as [ClusterId, ClusterId];

/** A store that tells of one payload how long it is, and only then lets the caller go on. */
class SlowStore extends MemoryBlobStore {
  slow: Digest | undefined;
  readonly asked = Promise.withResolvers<void>();
  readonly goOn = Promise.withResolvers<void>();

  override async size(digest: Digest) {
    const found = await super.size(digest);
    if (digest !== this.slow) return found;
    this.slow = undefined; // The first who asks.
    this.asked.resolve();
    await this.goOn.promise;
    return found;
  }
}

it('bytes of an acceptance that is being decided stay when the same bytes of another cluster are refused', async () => {
  const blobs = new SlowStore();
  const engine = await openSmallFederation(tempDir(), { openBlobs: async () => blobs });
  onTestFinished(() => engine.close());
  const invitations = new Map<ClusterId, Invitation>();
  const { promise: invited, resolve } = Promise.withResolvers<void>();
  for (const cluster of clusters) {
    engine.join(cluster, [track], (directive) => {
      if (directive.kind === 'invitation') invitations.set(cluster, directive);
      if (invitations.size === clusters.length) resolve();
    });
  }
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  await invited;
  const { header, payload }: SealedUpdate = await sealDelta(invitations.get(a) as Invitation, a, deltaOf(a, 'r-1'));
  unwrap(await blobs.put(payload));

  blobs.slow = header.payload;
  const accepted = engine.acceptUpdate(header, Buffer.alloc(64, 1));
  await blobs.asked.promise;
  // An accomplice sends the same bytes for another base, and is refused: they are nobody's who counts yet.
  const other = { ...header, cluster: b, base: digestOf(Buffer.from('another base')) };
  expect(await engine.acceptUpdate(other, Buffer.alloc(64, 2))).toMatchObject({ fault: { code: 'BASE_MISMATCH' } });
  blobs.goOn.resolve();
  expect(unwrap(await accepted).payloadDigest).toBe(header.payload);
  expect(await blobs.has(header.payload)).toBe(true); // A receipt stands for it.
});

it('nobody finds bytes stored that are on their way out', async () => {
  const holds = new PayloadHolds();
  const digest = digestOf(Buffer.from('sent again'));
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  let isThere = true;
  const blobs = {
    async remove() {
      begun.resolve();
      await goOn.promise;
      isThere = false;
    },
  };
  const removed = holds.remove(digest, blobs, () => false);
  await begun.promise;
  const found = holds.hold(digest).then(() => isThere);
  goOn.resolve();
  await removed;
  expect(await found).toBe(false); // And so it is uploaded again.
});

it('a removal that failed keeps nobody waiting, and is said', async () => {
  const holds = new PayloadHolds();
  const digest = digestOf(Buffer.from('stuck'));
  const failing = holds.remove(digest, { remove: async () => Promise.reject(new Error('EIO')) }, () => false);
  const held = holds.hold(digest);
  await expect(failing).rejects.toThrow('EIO');
  (await held)();
  let removals = 0;
  const blobs = {
    async remove() {
      removals += 1;
    },
  };
  const [first, second] = [await holds.hold(digest), await holds.hold(digest)];
  first();
  await holds.remove(digest, blobs, () => false);
  expect(removals).toBe(0); // Of two who held it one does still.
  second();
  await holds.remove(digest, blobs, () => true);
  expect(removals).toBe(0);
  await holds.remove(digest, blobs, () => false);
  expect(removals).toBe(1);
});
