import type { Random } from '../../../base/random.ts';
import { below, pick, range } from '../../../client/sources/testing/mutations.ts';

/** No mutant is longer: what grows without an end only makes a search slow. */
const inputBytesMax = 8_192;

const numbers = [0, 1, 2, 7, 8, 10, 16, 18, 32, 34, 64, 66, 127, 128, 192, 254, 255] as const;

/** What breaks parsers of any format. */
const pieces = [
  ...['"', '\\', '[', ']', '{', '}', '(', ')', '<', '>', ',', ':', '|', '-', ' ', '\t', '\n', '\r', "'", '/', '%', '='],
  ...['null', 'true', '[]', '{}', '""', '0', '-0', '-1', '1e309', '1e-9', '9007199254740993', '.5', '65536', '0x10'],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'length',
    '{"__proto__":{"a":1}}',
    '[[[[[[[[',
    '{"a":{"a":{"a":',
    '&a *a',
  ],
  ...['\\u0000', '\\ud800', '\u2028', '\ufeff', 'é', '𝔘', '[::1]:80', '::ffff:10.0.0.1', '9999-99-99T99:99:99Z'],
].map((text) => Buffer.from(text));
const bytesOfNoText = [[0], [0xff], [0xc3], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xff, 0xff, 0xff, 0xff, 0x0f]].map(
  (bytes) => Buffer.from(bytes),
);

/** What mutants of a format are made of: its `words`, and all that may be put in. */
export type Pieces = Readonly<{ words: readonly Uint8Array[]; all: readonly Uint8Array[] }>;

export function piecesWith(words: readonly Uint8Array[]): Pieces {
  return { words, all: [...pieces, ...bytesOfNoText, ...words] };
}

/** A change of one of `inputs`, one to four times over. */
export function mutantOf(inputs: readonly Uint8Array[], { words, all }: Pieces, random: Random): Buffer {
  let made: Buffer = Buffer.from(pick(inputs, random));
  for (let times = 1 + below(4, random); times > 0; times--) made = changed(made, inputs, all, words, random);
  return made.subarray(0, inputBytesMax);
}

function changed(
  input: Buffer,
  others: readonly Uint8Array[],
  all: readonly Uint8Array[],
  words: readonly Uint8Array[],
  random: Random,
): Buffer {
  const [from, to] = range(input.length, random);
  const [before, within, after] = [input.subarray(0, from), input.subarray(from, to), input.subarray(to)];
  switch (below(11, random)) {
    case 0:
      return withByte(input, random, () => below(256, random));
    case 1:
      return withByte(input, random, (byte) => byte ^ (1 << below(8, random)));
    case 2:
      return withByte(input, random, (byte) => byte + (random() < 0.5 ? 1 : -1));
    case 3:
      return withByte(input, random, () => pick(numbers, random));
    case 4:
      return Buffer.concat([before, after]);
    case 5:
      return Buffer.concat([before, within, within, after]);
    case 6:
      return Buffer.concat([before, pick(all, random), after]);
    case 7:
      return Buffer.concat([before, pick(words.length > 0 ? words : all, random), within, after]);
    case 8: {
      const other = Buffer.from(pick(others, random));
      const [start, end] = range(other.length, random);
      return Buffer.concat([before, other.subarray(start, end), after]);
    }
    case 9: {
      const other = Buffer.from(pick(others, random));
      return Buffer.concat([before, other.subarray(below(other.length + 1, random))]);
    }
    default:
      return valueExchanged(input, all, random);
  }
}

/** One number or quoted text of a text in the place of what is none. */
function valueExchanged(input: Buffer, all: readonly Uint8Array[], random: Random): Buffer {
  const values = [...input.toString('latin1').matchAll(/"(?:[^"\\]|\\.)*"|\d+(?:\.\d+)?/g)];
  if (values.length === 0) return input;
  const value = pick(values, random);
  return Buffer.concat([
    input.subarray(0, value.index),
    pick(all, random),
    input.subarray(value.index + value[0].length),
  ]);
}

function withByte(input: Buffer, random: Random, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(input);
  const at = below(copy.length, random);
  if (copy.length > 0) copy[at] = change(copy[at] as number);
  return copy;
}
