import { describe, expect, it } from 'vitest';
import { boundedLines } from './bounded-lines.ts';

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

describe('boundedLines', () => {
  it.each([
    [
      ['a\nb', 'c\n\nd'],
      ['a', 'bc', '', 'd'],
    ],
    [
      ['12345\n', 'ok\n'],
      ['12345', 'ok'],
    ],
    [
      ['123456', '7\nok\n'],
      [undefined, 'ok'],
    ],
    [
      ['ok\n123456', '7', '8', '\n', 'ok'],
      ['ok', undefined, 'ok'],
    ],
    [['123456', '7'], [undefined]],
    [[], []],
  ])('gives lines, and undefined once for one that is too long: %j', async (texts, lines) => {
    expect(await Array.fromAsync(boundedLines(pieces(...texts), 5))).toEqual(lines);
  });

  it('says of a line that it is too long before it ends, which it may never do', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(100, 'x');
    }
    for await (const line of boundedLines(endless(), 1_000)) {
      expect(line).toBeUndefined();
      break;
    }
  });

  it('gives the same lines however the bytes come, out of one place that is used again and again', async () => {
    const text = `${'é𝔘'.repeat(50)}\n\n${'x'.repeat(999)}\nend`;
    async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
      const place = Buffer.alloc(size);
      for (let at = 0; at < bytes.length; at += size) yield place.subarray(0, bytes.copy(place, 0, at, at + size));
    }
    for (const size of [1, 2, 3, 7, 64, 1_000, 10_000]) {
      expect(await Array.fromAsync(boundedLines(inPieces(Buffer.from(text), size)))).toEqual(text.split('\n'));
    }
  });
});
