import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { onOneLine, printable } from '../base/text/printable.ts';
import { table } from '../base/text/table.ts';

const folder = new URL('.', import.meta.url).pathname;

describe('printable', () => {
  it('leaves nothing that a terminal obeys, and all other text as it is', () => {
    expect(printable('\x1b]0;owned\x07\x1b[2J\x1b[1;1Hdecision  promote')).toBe(
      '?]0;owned??[2J?[1;1Hdecision  promote',
    );
    expect(printable('\x1b]52;c;cm0=\x9b2J\r\x7f')).toBe('?]52;c;cm0=?2J??');
    expect(printable('abc \u202edesrever\u2066')).toBe('abc ?desrever?');
    expect(printable('über 東京 🐢\n\tzwei')).toBe('über 東京 🐢\n\tzwei');
    expect(onOneLine('a\nb\tc')).toBe('a?b?c');
  });

  it('holds for any text, also in the cells of a table', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    const obeyed = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(obeyed);
        const cell = table([text], [{ title: 'x', text: (value) => value }]);
        expect(cell.split('\n')).toHaveLength(2);
        expect(cell).not.toMatch(obeyed);
      }),
    );
  });
});

it('every verb says what it says through print.ts', () => {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !/\.test\.ts$|(?:^|\/)testing\/|^print\.ts$/.test(file),
  );
  expect(files.length).toBeGreaterThan(40);
  const raw = files.filter((file) =>
    /\bconsole\.|process\.std(?:out|err)\.write/.test(readFileSync(join(folder, file), 'utf8')),
  );
  expect(raw).toEqual([]);
});
