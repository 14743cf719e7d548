import { type Random, seededStream } from '../../../base/random.ts';

/** What breaks parsers: ends of quoting and nesting, bytes that are no text, numbers out of range. */
const pieces: readonly Uint8Array[] = [
  ...[
    '"',
    '\\',
    '\\"',
    '[',
    ']',
    '{',
    '}',
    '(',
    ')',
    '<',
    '>',
    ',',
    ':',
    '|',
    '-',
    ' ',
    '\t',
    '\r',
    "'",
    '/',
    '%',
    '=',
  ],
  ...[
    'null',
    'true',
    '[]',
    '{}',
    '""',
    '0',
    '-1',
    '1e309',
    'NaN',
    '99999999999999999999',
    '65536',
    '0x10',
    '__proto__',
  ],
  ...[
    '{"a":{"a":{"a":[[[[',
    '\\u0000',
    '\\ud800',
    '\u2028',
    '[::1]:80',
    '::ffff:10.0.0.1',
    'é',
    '𝔘',
    '9999-99-99T99:99:99Z',
  ],
]
  .map((text) => Buffer.from(text))
  .concat(
    [[0], [0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x92], [0xed, 0xa0, 0x80]].map((bytes) => Buffer.from(bytes)),
  );

const newlineByte = 10;

/**
 * `count` mutants of real lines, the same for the same seed: bytes flipped, cut, doubled, swapped and put in, values
 * exchanged, lines spliced, one to four times each. None holds a newline. Most are shorter than four times their line.
 */
export function* mutants(lines: readonly string[], count: number, seed: number): Generator<Uint8Array> {
  const random = seededStream(seed, 'mutants of lines');
  const originals = lines.map((line) => Buffer.from(line));
  for (let index = 0; index < count; index++) {
    let line: Buffer = pick(originals, random);
    const times = 1 + below(4, random);
    for (let time = 0; time < times; time++) line = mutated(line, originals, random);
    yield line.filter((byte) => byte !== newlineByte);
  }
}

function mutated(line: Buffer, others: readonly Buffer[], random: Random): Buffer {
  const [from, to] = range(line.length, random);
  const [before, within, after] = [line.subarray(0, from), line.subarray(from, to), line.subarray(to)];
  switch (below(9, random)) {
    case 0: {
      const copy = Buffer.from(line);
      if (copy.length > 0) copy[below(copy.length, random)] = below(256, random);
      return copy;
    }
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return before;
    case 3:
      return Buffer.concat([before, within, within, after]);
    case 4:
      return Buffer.concat([before, pick(pieces, random), within, after]);
    case 5:
      return Buffer.concat([before, pick(pieces, random), after]);
    case 6: {
      const other = pick(others, random);
      return Buffer.concat([before, other.subarray(below(other.length + 1, random))]);
    }
    case 7:
      return valueExchanged(line, random);
    default:
      return wordsSwapped(line, random);
  }
}

/** One number or quoted text in the place of what is not one. */
function valueExchanged(line: Buffer, random: Random): Buffer {
  const text = line.toString('latin1');
  const values = [...text.matchAll(/"(?:[^"\\]|\\.)*"|\d+(?:\.\d+)?/g)];
  if (values.length === 0) return line;
  const value = pick(values, random);
  const [start, end] = [value.index, value.index + value[0].length];
  return Buffer.concat([line.subarray(0, start), pick(pieces, random), line.subarray(end)]);
}

function wordsSwapped(line: Buffer, random: Random): Buffer {
  const words = line.toString('latin1').split(/(?<=[ ,])/);
  const [one, other] = [below(words.length, random), below(words.length, random)];
  [words[one], words[other]] = [words[other] ?? '', words[one] ?? ''];
  return Buffer.from(words.join(''), 'latin1');
}

/** Two places in order, most of the time near each other. */
export function range(length: number, random: Random): [number, number] {
  const from = below(length + 1, random);
  const width = random() < 0.8 ? below(16, random) : below(length + 1, random);
  return [from, Math.min(length, from + width)];
}

/** Any of them. */
export function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[below(items.length, random)] as Item;
}

/** From 0 on, and less than the limit. */
export function below(limit: number, random: Random): number {
  return Math.floor(random() * limit);
}
