import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceBatch, SourceItem } from '../events/source-item.ts';
import type { FilePosition } from '../recordings/file-follower.ts';
import { CallIntake } from '../tracks/syscall/traces/call-intake.ts';
import type { AssembledTrace } from '../tracks/syscall/traces/trace-assembler.ts';
import { readSource } from './source-reader.ts';

const process = {
  node: '',
  namespace: '',
  workload: '',
  pod: '',
  container: '',
  binary: '',
  pid: 1,
  workloadClass: 'nginx',
};

const source = { name: 'test', recorded: false, skipped: () => undefined, coarsened: () => undefined };

function at(offset: number): FilePosition {
  return { inode: '1', offset, head: 'h' };
}

type Event = { kind: 'call' | 'end'; thread: string };

/** One event a batch; the cursor is the number of events before the next. Throws before event `crashAt`. */
async function* batches(
  events: readonly Event[],
  from: number,
  crashAt = Number.POSITIVE_INFINITY,
): AsyncGenerator<SourceBatch<FilePosition>> {
  for (let index = from; index < events.length; index += 1) {
    if (index === crashAt) throw new Error('crash');
    const { kind, thread } = events[index] as Event;
    const item: SourceItem =
      kind === 'end' ? { kind, thread } : { kind, thread, process, call: index, argumentClass: 0, atMs: 1_000 + index };
    yield { items: [item], cursor: at(index + 1) };
  }
}

describe('readSource', () => {
  it('misses no call, wherever it crashes and goes on from its cursor', async () => {
    const events = fc.array(
      fc.record({
        kind: fc.constantFrom('call' as const, 'call' as const, 'call' as const, 'end' as const),
        thread: fc.constantFrom('a', 'b', 'c'),
      }),
      { minLength: 1, maxLength: 600 },
    );
    await fc.assert(
      fc.asyncProperty(events, fc.nat(600), async (list, crashAt) => {
        const taken = [new Set<number>(), new Set<number>()];
        let cursor: FilePosition | undefined;
        let nowMs = 0;
        const run = async (crash?: number) => {
          const ports = {
            // A second lane with other bounds: the cursor must wait for whichever is behind.
            lanes: [3, 7].map((pieceCalls, lane) => ({
              intake: new CallIntake(source, { pieceCalls, threadsMax: 2, quietMs: 1e12 }),
              take: async (traces: readonly unknown[]) => {
                for (const { calls } of traces as AssembledTrace[]) for (const call of calls) taken[lane]?.add(call);
              },
            })),
            saveCursor: async (position: FilePosition) => {
              cursor = position;
            },
            count: () => undefined,
            // Every look at the clock is 700 ms later: the cursor is saved every few events.
            nowMs: () => {
              nowMs += 700;
              return nowMs;
            },
          };
          await readSource(batches(list, cursor?.offset ?? 0, crash), ports, cursor);
        };
        await run(crashAt).catch((error: Error) => expect(error.message).toBe('crash'));
        await run();
        const calls = list.flatMap(({ kind }, index) => (kind === 'call' ? [index] : []));
        for (const lane of taken) expect([...lane].sort((a, b) => a - b)).toEqual(calls);
        expect(cursor).toEqual(at(list.length));
      }),
      { numRuns: 300 },
    );
  });

  it('reports a clock that jumps back, once for each jump', async () => {
    const reasons: string[] = [];
    async function* jumping(): AsyncGenerator<SourceBatch<FilePosition>> {
      for (const atMs of [1e12, 1e12 + 1, 1e12 - 59_000, 1e12 - 200_000, 1e12]) {
        yield { items: [{ kind: 'call', thread: 'a', process, call: 2, argumentClass: 0, atMs }], cursor: undefined };
      }
    }
    const intake = new CallIntake({ ...source, skipped: (reason) => reasons.push(reason), coarsened: () => undefined });
    await readSource(jumping(), {
      lanes: [{ intake, take: async () => undefined }],
      saveCursor: async () => undefined,
      count: () => undefined,
      nowMs: () => 0,
    });
    expect(reasons).toEqual(['CLOCK_JUMP']);
  });
});
