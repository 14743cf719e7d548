import { expect, it } from 'vitest';
import { fenceIn, rowsIn } from './rows.ts';

it('numbers come as text, and a journal that was not moved lies nowhere else', () => {
  const row = { epoch: '4', holder: 'me', beat: '9', lease_ms: 4_000, head_seq: '6', head_chain: 'ab' };
  const fence = { epoch: 4, holder: 'me', beat: 9, leaseMs: 4_000, head: { seq: 6, chain: 'ab' } };
  expect(fenceIn({ ...row, moved_to: null })).toEqual({ ...fence, movedTo: null });
  expect(fenceIn({ ...row, moved_to: 'host b' })).toEqual({ ...fence, movedTo: 'host b' });
  const entry = { seq: 7, epoch: 4, body: '{}', chain: 'cd' };
  expect(rowsIn([{ ...entry, seq: '7', epoch: '4' }])).toEqual([entry]);
});
