import { expect, it } from 'vitest';
import { shapeOf } from './line-shape.ts';

it('shapeOf tells classes and lengths, and no letter or digit of the line', () => {
  expect(shapeOf('{"password":"hunter2"}')).toBe('{"a{8}":"a{6}9{1}"}');
  expect(shapeOf('10.0.0.7 - GET /Ünter\tx')).toBe('9{2}.9{1}.9{1}.9{1} - a{3} /u{1}a{4}u{1}a{1}');
  const long = shapeOf(`{"secret":"${'s3cr3t-'.repeat(100_000)}"}`);
  expect(long).toMatch(/^\{"a\{6\}":"a\{1\}9\{1\}.*… \(700013 characters\)$/);
  expect(long.length).toBeLessThan(160);
});
