import { readdirSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObservedFlow } from '../events/flow-record.ts';
import type { FlowItem } from '../events/source-item.ts';
import { sortedFlows } from './sorted-flows.ts';

const end = { kind: 'workload', namespace: 'shop', workload: 'web' } as const;
const volume = { bytesOut: 1, bytesIn: 2, packetsOut: 3, packetsIn: 4, durationMs: 0.5 };

function flow(atMs: number, sourcePort: number): ObservedFlow {
  return {
    atMs,
    node: '',
    id: '',
    source: end,
    destination: end,
    sourcePort,
    destinationPort: 80,
    protocol: 'tcp',
    isReply: sourcePort % 2 === 0 ? undefined : false,
    seenAt: 'unknown',
    verdict: 'forwarded',
    l7: undefined,
    count: 1,
    volume: sourcePort % 3 === 0 ? undefined : volume,
  };
}

async function* batchesOf(flows: readonly ObservedFlow[], size: number, error?: Error): AsyncGenerator<FlowItem[]> {
  for (let at = 0; at < flows.length; at += size)
    yield flows.slice(at, at + size).map((one) => ({ kind: 'flow', flow: one }));
  yield [{ kind: 'skipped', reason: 'BAD_FIELD', where: 'x:1' }];
  if (error !== undefined) throw error;
}

async function read(batches: AsyncIterable<readonly FlowItem[]>, heldMax: number) {
  const [flows, others]: [ObservedFlow[], FlowItem[]] = [[], []];
  let error: unknown;
  try {
    for await (const items of sortedFlows(batches, { heldMax })) {
      for (const item of items) item.kind === 'flow' ? flows.push(item.flow) : others.push(item);
    }
  } catch (thrown) {
    error = thrown;
  }
  return { flows, others, error };
}
const foldersLeft = () => readdirSync(tmpdir()).filter((name) => name.startsWith('testudo-sort-'));

describe('sortedFlows', () => {
  it('gives what an array sorts to, in memory and through files, and keeps the rest', async () => {
    const before = foldersLeft();
    const times = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(
        times,
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(1, 7, 1_000),
        async (ms, size, heldMax) => {
          const flows = ms.map((atMs, index) => flow(atMs, index));
          const found = await read(batchesOf(flows, size), heldMax);
          expect(found.flows).toEqual(flows.toSorted((a, b) => a.atMs - b.atMs));
          expect(found.others).toEqual([{ kind: 'skipped', reason: 'BAD_FIELD', where: 'x:1' }]);
          for (const one of found.flows)
            expect(Object.keys(one)).toEqual(expect.arrayContaining(['isReply', 'l7', 'volume']));
        },
      ),
      { numRuns: 60 },
    );
    expect(foldersLeft()).toEqual(before);
  });

  it('gives what was read before an error, then the error', async () => {
    const flows = [5, 3, 4, 1].map((atMs, index) => flow(atMs, index));
    const { flows: found, error } = await read(batchesOf(flows, 2, new Error('unexpected end of file')), 2);
    expect(found.map(({ atMs }) => atMs)).toEqual([1, 3, 4, 5]);
    expect(error).toEqual(new Error('unexpected end of file'));
  });

  it.runIf(process.platform === 'linux')('leaves no file open behind one who has seen enough', async () => {
    const open = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).includes('testudo-sort-');
        } catch {
          return false; // Closed meanwhile.
        }
      }).length;
    // Longer than what is read of a file at once.
    const flows = Array.from({ length: 3_000 }, (_, index) => flow(index, index));
    for await (const items of sortedFlows(batchesOf(flows, 100), { heldMax: 1_000 })) {
      if (items.some(({ kind }) => kind === 'flow')) break;
    }
    while (open() > 0) await setImmediate();
    expect(open()).toBe(0);
  });
});
