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
});
