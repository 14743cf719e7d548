import { expect, it, onTestFinished } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import type { ProveLead } from '../blobs/blob-store.ts';
import { MemoryBlobStore } from '../blobs/memory-blob-store.ts';
import { MemoryMedium } from '../ledger/journal/memory-store.ts';
import { openMemoryJournal } from '../ledger/journal/open-journal.ts';
import { openSmallFederation, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';

/** Keeps what each sweep was shown as proof. */
class LateStore extends MemoryBlobStore {
  readonly proofs: (ReadonlySet<string> | undefined)[] = [];

  async sweep(prove: ProveLead): Promise<number> {
    this.proofs.push(await prove());
    return 0;
  }
}

it('a store that removes late is swept each hour, on a write in this epoch: one that was followed proves nothing', async () => {
  const [timers, medium, blobs] = [new SimulatedTimers(0), new MemoryMedium(), new LateStore()];
  const journal = openMemoryJournal(medium, timers);
  const engine = await openSmallFederation(tempDir(), { timers, journal, openBlobs: async () => blobs });
  onTestFinished(() => engine.close());
  const model = engine.state().tracks.get(track)?.models[0]?.digest ?? '';
  await timers.advance(3_600_000 - 10_000);
  expect(blobs.proofs).toEqual([]);
  await timers.advance(20_000);
  await expect.poll(() => blobs.proofs.length).toBe(1);
  expect(blobs.proofs[0]).toContain(model.slice('sha256:'.length));
  await timers.advance(3_570_000);
  expect(blobs.proofs).toHaveLength(1);

  await openMemoryJournal(medium, timers).close();
  await timers.advance(40_000);
  await expect.poll(() => blobs.proofs.length).toBe(2);
  expect(blobs.proofs[1]).toBeUndefined();
});
