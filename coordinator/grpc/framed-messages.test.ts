import { Duplex } from 'node:stream';
import { expect, it, onTestFinished, vi } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { FetchModelResponse } from '../../proto/generated/testudo/v1/federation.ts';
import { chunkBytes } from '../../proto/wire-names.ts';
import type { TestCluster } from '../testing/cluster.ts';
import { TestFederation } from '../testing/federation.ts';
import { framedMessage } from './framed-messages.ts';

const values = 70_000; // Two chunks.

it('a model goes to all who ask for it from the same memory, and comes whole', async () => {
  const federation = await TestFederation.start({ values });
  const members = (await federation.round(['a', 'b', 'c'])) as TestCluster[];
  const { base } = await (members[0] as TestCluster).invitation();
  const digest = base?.digest ?? '';
  const stored = unwrap(await federation.coordinator.engine.blobs.get(digest as never));
  const writes = vi.spyOn(Duplex.prototype, 'write');
  onTestFinished(() => writes.mockRestore());
  for (const { client } of members) {
    const chunks: Buffer[] = [];
    const call = client.fetchModel({ digest, offset: 0n }) as AsyncIterable<FetchModelResponse>;
    for await (const { chunk } of call) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(stored)).toBe(true);
  }
  const sent = writes.mock.calls
    .map(([written]) => written as unknown)
    .filter((written): written is Buffer => Buffer.isBuffer(written) && written.byteLength > 10_000);
  const [first, second] = [chunkBytes, values * 4 - chunkBytes].map((bytes) =>
    sent.filter((one) => one.byteLength > bytes && one.byteLength < bytes + 100),
  );
  expect([first, second].map((one) => [one?.length, new Set(one?.map(({ buffer }) => buffer)).size])).toEqual([
    [3, 1],
    [3, 1],
  ]);
});

it('a framed message is the message, behind its length', () => {
  const encoded = FetchModelResponse.encode({ offset: 1n, sizeBytes: 2n, chunk: Buffer.from('weights') }).finish();
  const message = framedMessage(encoded);
  expect(message.equals(encoded)).toBe(true);
  expect([...Buffer.from(message.buffer as ArrayBuffer).subarray(0, 5)]).toEqual([0, 0, 0, 0, encoded.byteLength]);
});
