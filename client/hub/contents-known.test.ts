import { expect, it } from 'vitest';
import { ContentsKnown } from './contents-known.ts';

const contentOf = (at: number) => Uint8Array.of(at >> 16, at >> 8, at);

it('holds so many small examples as memory allows, not as their bytes alone would, and lets go what nobody asks for', () => {
  const known = new ContentsKnown();
  const first = Uint8Array.of(1, 2, 3);
  known.put('syscall', contentOf(0), first);
  const most = (16 << 20) / 512;
  for (let at = 1; at <= 2 * most; at++) {
    known.put('syscall', contentOf(at), Uint8Array.of(at, at >> 8));
    if (at % 1_000 === 0) expect(known.get('syscall', contentOf(0))).toEqual(first);
  }
  let held = 0;
  for (let at = 1; at <= 2 * most; at++) if (known.get('syscall', contentOf(at)) !== undefined) held += 1;
  expect(held).toBeGreaterThan(0.99 * most);
  expect(held).toBeLessThan(most);
  expect(known.get('api', contentOf(0))).toBeUndefined();
});

it('keeps a copy, whatever becomes of the message that an example came in', () => {
  const known = new ContentsKnown();
  const message = Uint8Array.of(9, 7, 5, 3);
  known.put('syscall', contentOf(1), message.subarray(1, 3));
  message.fill(0);
  const found = known.get('syscall', contentOf(1));
  expect([found, found?.buffer.byteLength]).toEqual([Uint8Array.of(7, 5), 2]);
});
