import { describe, expect, it } from 'vitest';
import { release, wipe } from './wipe.ts';

describe('wipe', () => {
  it('zeros every secret it is given, and only the bytes that a view shows', () => {
    const all = Uint8Array.of(1, 2, 3, 4);
    const other = Uint8Array.of(5);
    wipe(all.subarray(1, 3), other);
    expect(all).toEqual(Uint8Array.of(1, 0, 0, 4));
    expect(other).toEqual(Uint8Array.of(0));
  });
});

describe('release', () => {
  it('gives back the memory of a chunk that owns its buffer', () => {
    const chunk = Buffer.allocUnsafeSlow(2 ** 18);
    const { buffer } = chunk;
    release(chunk);
    expect(buffer.detached).toBe(true);
    expect(chunk.byteLength).toBe(0);
  });

  it('leaves memory alone that others share', () => {
    const whole = new Uint8Array(8);
    release(whole.subarray(0, 4));
    expect(whole.byteLength).toBe(8);
    release(new Uint8Array(new SharedArrayBuffer(4)));
  });
});
