import { expect, it } from 'vitest';
import { SparseLog } from './sparse-log.ts';

it('has room for twenty lines of a kind a minute, and says in the next one how many had none', () => {
  let nowMs = 0;
  const log = new SparseLog({ monotonicMs: () => nowMs });
  const written: string[] = [];
  const call = (kind: string) => log.line(kind, ({ unlogged = 0 }) => written.push(`${kind} ${unlogged}`));
  for (let at = 0; at < 1_000; at++) call('flood');
  expect(written).toEqual(Array(10).fill('flood 0'));
  call('other');
  expect(written.at(-1)).toBe('other 0'); // A flood of one kind leaves the others theirs.
  nowMs = 3_000;
  call('flood');
  call('flood');
  expect(written.slice(11)).toEqual(['flood 990']);
  nowMs = 3_600_000;
  for (let at = 0; at < 1_000; at++) call('flood');
  expect(written.slice(12)).toEqual(['flood 1', ...Array(9).fill('flood 0')]);
});
