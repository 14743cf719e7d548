import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SubmitUpdateRequest } from '../../proto/generated/testudo/v1/federation.ts';
import { chunkInPlace, releaseChunk } from './chunk-in-place.ts';

const encode = (part: SubmitUpdateRequest['part']) => Buffer.from(SubmitUpdateRequest.encode({ part }).finish());

it('reads every chunk as the generated decoder does', () => {
  for (const length of [0, 1, 127, 128, 16_383, 16_384, 262_144, 1 << 20]) {
    const value = Buffer.alloc(length, 7);
    const message = encode({ $case: 'chunk', value });
    if (length > 0) expect(chunkInPlace(message)?.equals(value)).toBe(true);
  }
});

it('never says anything that the generated decoder does not', () => {
  const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const chunk = fc.uint8Array({ maxLength: 300 }).map((bytes) => encode({ $case: 'chunk', value: Buffer.from(bytes) }));
  const cut = fc.tuple(chunk, fc.nat({ max: 310 })).map(([message, end]) => message.subarray(0, end));
  const doubled = fc.tuple(chunk, chunk).map((two) => Buffer.concat(two));
  const tagged = random.map((bytes) => Buffer.concat([Buffer.from([0x12]), bytes]));
  fc.assert(
    fc.property(fc.oneof(random, chunk, cut, doubled, tagged), (message) => {
      const seen = chunkInPlace(message);
      if (seen === undefined) return;
      const { part } = SubmitUpdateRequest.decode(message);
      expect(part).toEqual({ $case: 'chunk', value: Buffer.from(seen) });
    }),
    { numRuns: 10_000 },
  );
});

describe('releaseChunk', () => {
  it('empties a large chunk that is alone in its buffer, and no other', () => {
    const framed = new Uint8Array(100_005);
    const alone = framed.subarray(5);
    releaseChunk(alone);
    expect(alone.byteLength).toBe(0);
    const shared = new Uint8Array(200_000);
    for (const [from, to] of [
      [0, 100_000],
      [100_000, 200_000],
    ] as const) {
      releaseChunk(shared.subarray(from, to));
    }
    releaseChunk(new Uint8Array(1_000));
    expect(shared.byteLength).toBe(200_000);
  });
});
