import { describe, expect, it } from 'vitest';
import { chainAfter, chainOrigin, type JournalEntry } from './entry.ts';
import type { Draft, Journal } from './journal.ts';

/** Opens the same medium each time it is called, as a restart would. */
export type OpenAgain = () => Promise<Journal>;

export function draft(index: number, padding = ''): Draft {
  return {
    actor: { kind: 'operator', name: 'ada', role: 'admin' },
    atMs: 1_000 + index,
    event: { kind: 'freezeLifted', freezeId: `freeze-${index}`, reason: `reason ${index}${padding}` },
  };
}

/** What every journal promises. `medium` makes a fresh, empty one and returns how to open it. */
export function journalContract(name: string, medium: () => OpenAgain): void {
  describe(`${name} keeps a journal that`, () => {
    it('gives back what was appended, in order, after it is opened again', async () => {
      const open = medium();
      const journal = await open();
      const { entries, durable } = journal.append([draft(1), draft(2)]);
      expect((await durable).ok).toBe(true);
      expect((await journal.append([draft(3)]).durable).ok).toBe(true);
      await journal.close();

      const again = await open();
      const read = await again.read(1, 100);
      expect(read.ok && read.value.map(({ event }) => event)).toEqual([draft(1).event, draft(2).event, draft(3).event]);
      expect(read.ok && read.value.slice(0, 2)).toEqual(entries);
      expect(again.head).toEqual({ seq: 3, chain: read.ok && read.value[2]?.chain });
      await again.close();
    });

    it('chains every entry to the one before', async () => {
      const journal = await medium()();
      await journal.append([draft(1), draft(2), draft(3)]).durable;
      const read = await journal.read(1, 10);
      let chain = chainOrigin;
      for (const { chain: stored, ...content } of read.ok ? read.value : []) {
        const { actor, atMs, epoch, event, seq } = content;
        const { freezeId, kind, reason } = event as Extract<typeof event, { kind: 'freezeLifted' }>;
        // The canonical form by hand: sorted keys.
        const body = JSON.stringify({
          actor: { kind: 'operator', name: 'ada', role: 'admin' },
          atMs,
          epoch,
          event: { freezeId, kind, reason },
          seq,
        });
        expect(actor.kind).toBe('operator');
        chain = chainAfter(chain, body);
        expect(stored).toBe(chain);
      }
      expect(journal.head.chain).toBe(chain);
      await journal.close();
    });

    it('keeps the order of many appends that wait at once, and tells its observer once for each', async () => {
      const journal = await medium()();
      const seen: JournalEntry[] = [];
      journal.observe({ durable: (entries) => seen.push(...entries), undone: () => {} });
      const waiting = Array.from({ length: 300 }, (_, index) => journal.append([draft(index)]));
      const order: number[] = [];
      await Promise.all(waiting.map(({ durable }, index) => durable.then(() => order.push(index))));
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(seen).toEqual(waiting.flatMap(({ entries }) => entries));
      expect(seen.map(({ seq }) => seq)).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
      await journal.close();
    });

    it('raises its epoch at each start, and refuses the writes of one that was superseded', async () => {
      const open = medium();
      const first = await open();
      await first.append([draft(1)]).durable;
      const second = await open();
      expect(second.epoch).toBeGreaterThan(first.epoch);
      let told = '';
      first.observe({ durable: () => {}, undone: ({ code }) => (told = code) });
      const stale = await first.append([draft(2)]).durable;
      expect(!stale.ok && stale.fault.code).toBe('EPOCH_STALE');
      expect(told).toBe('EPOCH_STALE');
      const later = await first.append([draft(3)]).durable;
      expect(!later.ok && later.fault.code).toBe('EPOCH_STALE');

      const fresh = second.append([draft(4)]);
      expect((await fresh.durable).ok).toBe(true);
      const read = await second.read(1, 10);
      expect(read.ok && read.value.map(({ epoch, seq }) => [seq, epoch])).toEqual([
        [1, first.epoch],
        [2, second.epoch],
      ]);
      await first.close();
      await second.close();
    });

    it('keeps the newest snapshot, and refuses one of another journal', async () => {
      const open = medium();
      const journal = await open();
      await journal.append([draft(1), draft(2)]).durable;
      const { seq, chain } = journal.head;
      expect((await journal.saveSnapshot({ seq, chain, version: 3, body: '{"a":1}' })).ok).toBe(true);
      const foreign = await journal.saveSnapshot({ seq, chain: 'f'.repeat(64), version: 3, body: '{}' });
      expect(!foreign.ok && foreign.fault.code).toBe('JOURNAL_DAMAGED');
      await journal.close();
      const again = await open();
      expect(await again.latestSnapshot()).toMatchObject({ seq, chain, version: 3, body: '{"a":1}' });
      await again.close();
    });

    it('verifies its own chain while appends go on', async () => {
      const journal = await medium()();
      for (let index = 0; index < 5; index++) journal.append(Array.from({ length: 900 }, (_, i) => draft(i)));
      await journal.append([draft(0)]).durable;
      const verifying = journal.verify();
      const appended = journal.append([draft(1)]);
      expect(await verifying).toMatchObject({ ok: true, value: { seq: 4_501 } });
      expect((await appended.durable).ok).toBe(true);
      await journal.close();
    });

    it('finishes what is queued when it closes, and refuses what comes after; closing twice is closing', async () => {
      const open = medium();
      const journal = await open();
      const last = journal.append([draft(1)]);
      const closing = journal.close();
      expect((await last.durable).ok).toBe(true);
      await closing;
      await journal.close();
      const late = await journal.append([draft(2)]).durable;
      expect(!late.ok && late.fault.code).toBe('JOURNAL_CLOSED');
      const again = await open();
      expect(again.head.seq).toBe(1);
      await again.close();
    });
  });
}
