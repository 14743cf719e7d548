import { describe, expect, it } from 'vitest';
import { parseJsonObject } from './json-line.ts';

const long = 1_048_576;

describe('parseJsonObject', () => {
  it('reads objects and says what is none', () => {
    expect(parseJsonObject('{"a":[1]}')).toEqual({ a: [1] });
    expect(parseJsonObject('[1]')).toBe('NOT_AN_OBJECT');
    expect(parseJsonObject('null')).toBe('NOT_AN_OBJECT');
    expect(parseJsonObject('{"a":')).toBe('MALFORMED_JSON');
  });

  it.each(['[', '{"a":', '{"a":[[', '[{"\\"":['])('refuses a million bytes of %s without parsing them', (piece) => {
    expect(parseJsonObject(piece.repeat(long / piece.length))).toBe('MALFORMED_JSON');
    const closed = `{"a":${'['.repeat(long / 2)}${']'.repeat(long / 2)}}`;
    expect(parseJsonObject(closed)).toBe('MALFORMED_JSON');
  });

  it('reads a long line whose texts are full of brackets, and whose brackets are closed again', () => {
    const texts = { a: '['.repeat(long), b: '\\"[{'.repeat(1_000), c: Array.from({ length: 1_000 }, () => [[{}]]) };
    expect(parseJsonObject(JSON.stringify(texts))).toEqual(texts);
  });
});
