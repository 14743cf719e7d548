import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { verifyReceipt } from '../proto/envelope/receipt.ts';
import { receiptFromWire } from '../proto/envelope/wire.ts';
import { TestFederation, track } from './testing/federation.ts';

const values = 70_000; // More than one chunk of 256 KiB.

describe('a coordinator over real mTLS', () => {
  it('takes a round from enrolment to a candidate', async () => {
    const federation = await TestFederation.start({ values });
    const members = await federation.round(['a', 'b', 'c']);
    for (const [index, member] of members.entries()) {
      const receipt = unwrap(await member.submit(new Float32Array(values).fill(0.01 * (index + 1))));
      const checked = unwrap(receiptFromWire(receipt));
      expect(verifyReceipt(checked, receipt.signature, member.receiptKey).ok).toBe(true);
      expect(checked).toMatchObject({ cluster: member.name, track, round: 'r-1' });
    }
    await federation.until(({ tracks }) => tracks.get(track)?.models.length === 2);
    const round = federation.coordinator.engine.state().tracks.get(track)?.rounds.values().next().value;
    expect(round?.phase).toMatchObject({ kind: 'candidate', candidate: { version: 1 } });
  });
});
