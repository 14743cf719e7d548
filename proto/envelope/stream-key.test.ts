import { describe, expect, it } from 'vitest';
import { otherContexts, sampleContext } from './samples.ts';
import { chunkNonce, streamKey } from './stream-key.ts';

const secret = Buffer.alloc(32, 1);
const ephemeral = Buffer.alloc(32, 2);
const round = Buffer.alloc(32, 3);
const context = sampleContext(1_000);

describe('streamKey', () => {
  it('is another key for every other context, content key and pair of public keys', () => {
    const keys = [
      streamKey(secret, ephemeral, round, context),
      streamKey(Buffer.alloc(32, 9), ephemeral, round, context),
      streamKey(secret, round, ephemeral, context),
      streamKey(secret, ephemeral, round, sampleContext(1_004)),
      ...Object.values(otherContexts(1_000)).map((other) => streamKey(secret, ephemeral, round, other)),
    ];
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(10);
    expect(streamKey(secret, ephemeral, round, context)).toEqual(keys[0]);
  });
});

describe('chunkNonce', () => {
  it('is an 11-byte big-endian counter and the final flag', () => {
    expect(chunkNonce(0, false).toString('hex')).toBe('000000000000000000000000');
    expect(chunkNonce(258, false).toString('hex')).toBe('000000000000000000010200');
    expect(chunkNonce(4_095, true).toString('hex')).toBe('0000000000000000000fff01');
  });
});
