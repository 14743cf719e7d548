import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonLine, untilAborted } from './lines.ts';

describe('parseJsonLine', () => {
  it('gives what JSON.parse gives, of short lines and long ones', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        expect(parseJsonLine(text)).toEqual(JSON.parse(text));
        const long = `{"pad":"${'[{\\"'.repeat(8_000)}","value":${text}}`;
        expect(parseJsonLine(long)).toEqual(JSON.parse(long));
      }),
    );
  });

  it('refuses what nests deeper than any tool does', () => {
    for (const text of [
      '['.repeat(20_000),
      '{"a":'.repeat(20_000),
      `${'['.repeat(257)}${' '.repeat(20_000)}${']'.repeat(257)}`,
    ])
      expect(() => parseJsonLine(text)).toThrow(/nested deeper than 256/);
    const allowed = `${'['.repeat(256)}${' '.repeat(20_000)}${']'.repeat(256)}`;
    expect(JSON.stringify(parseJsonLine(allowed))).toBe(`${'['.repeat(256)}${']'.repeat(256)}`);
  });
});

it('untilAborted asks for nothing more once somebody has enough', async () => {
  let asked = 0;
  const endless = async function* () {
    for (;;) yield ++asked;
  };
  const stop = new AbortController();
  for await (const piece of untilAborted(endless(), stop.signal)) if (piece === 3) stop.abort();
  expect(asked).toBe(3);
});
