import { afterEach, expect, it, vi } from 'vitest';
import { readAccessLogLine } from '../../recordings/access-logs/read-access-log-line.ts';

/** Whoever is logged writes part of the line: its reader's work must grow with the line, not with the line's square. */
const haproxy =
  '10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1"';
const endings: readonly [string, string][] = [
  ['blanks', ' '.repeat(20_000)],
  ['tabs', '\t'.repeat(20_000)],
  ['words apart', ' x'.repeat(10_000)],
  ['quotes that never end', ' "'.repeat(10_000)],
  ['brackets that never end', ' ['.repeat(10_000)],
];

const trimmers = ['trim', 'trimEnd', 'trimStart'] as const;

afterEach(() => vi.restoreAllMocks());

it.each(endings)('a line that ends in %s is trimmed a few times at most', (_, ending) => {
  const line = haproxy + ending;
  let looked = 0;
  for (const name of trimmers) {
    const original = String.prototype[name];
    vi.spyOn(String.prototype, name).mockImplementation(function (this: string) {
      looked += this.length;
      return original.call(this);
    });
  }
  readAccessLogLine(line);
  expect(looked).toBeLessThanOrEqual(8 * line.length);
});
