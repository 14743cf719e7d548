import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonRecords } from './json-records.ts';

const read = (pieces: readonly string[]) => {
  const records = new JsonRecords();
  return [...pieces.flatMap((piece) => records.push(piece)), ...records.end()];
};
const valuesOf = (pieces: ReturnType<typeof read>) =>
  pieces.map((piece) => (piece.kind === 'record' ? JSON.parse(piece.text) : piece.kind));

describe('JsonRecords', () => {
  const record = fc
    .dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 })
    .filter((one) => !('records' in one));

  it('gives back the objects of any text, whatever the pieces it comes in', () => {
    const wrap = fc.constantFrom(
      (all: readonly object[], indent: number) => JSON.stringify(all, undefined, indent),
      (all: readonly object[], indent: number) => JSON.stringify({ records: all }, undefined, indent),
      (all: readonly object[], indent: number) => all.map((one) => JSON.stringify(one, undefined, indent)).join('\n'),
    );
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 5 }),
        wrap,
        fc.nat(2),
        fc.integer({ min: 1, max: 9 }),
        (all, text, indent, size) => {
          const pieces = text(all, indent).match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
          expect(valuesOf(read(pieces))).toEqual(JSON.parse(JSON.stringify(all)));
        },
      ),
    );
  });

  it('says once that something is no object, and what never closed', () => {
    expect(valuesOf(read(['[1, true, {"a":1}, nothing {"b":2}, {"c":"']))).toEqual([
      'malformed',
      { a: 1 },
      'malformed',
      { b: 2 },
      'malformed',
    ]);
  });

  it('gives up a record that never ends, and holds no more than its bound', () => {
    const records = new JsonRecords();
    const found = [
      records.push('{"a":"'),
      ...Array.from({ length: 17 }, () => records.push('x'.repeat(2 ** 20))),
    ].flat();
    expect(found).toEqual([{ kind: 'malformed' }]);
    expect(valuesOf(records.push('{"b":2}'))).toEqual([{ b: 2 }]);
  });
});
