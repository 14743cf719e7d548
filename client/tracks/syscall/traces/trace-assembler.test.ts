import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceItem } from '../../../events/source-item.ts';
import { TraceAssembler } from './trace-assembler.ts';

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
const options = { pieceCalls: 5, threadsMax: 3, quietMs: 100 };

function call(thread: string, id: number, atMs = 0): Extract<SourceItem, { kind: 'call' }> {
  return { kind: 'call', thread, process, call: id, argumentClass: id % 3, atMs };
}

describe('TraceAssembler', () => {
  it('gives every call out exactly once, in the order of its thread, and nothing above its bounds', () => {
    const events = fc.array(
      fc.oneof(
        {
          weight: 8,
          arbitrary: fc.record({ kind: fc.constant('call' as const), thread: fc.constantFrom(...'abcdef') }),
        },
        {
          weight: 1,
          arbitrary: fc.record({ kind: fc.constant('end' as const), thread: fc.constantFrom(...'abcdef') }),
        },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), thread: fc.constant('a') }) },
      ),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(events, (list) => {
        const assembler = new TraceAssembler(options);
        const given = new Map<string, number[]>();
        const got = new Map<string, number[]>();
        let nowMs = 0;
        const take = (traces: ReturnType<TraceAssembler['flush']>) => {
          for (const { thread, calls, argumentClasses } of traces) {
            expect(calls.length).toBeLessThanOrEqual(5);
            expect(argumentClasses).toEqual(calls.map((id) => id % 3));
            got.set(thread, [...(got.get(thread) ?? []), ...calls]);
          }
        };
        for (const [order, event] of list.entries()) {
          nowMs += 1;
          if (event.kind === 'call') {
            given.set(event.thread, [...(given.get(event.thread) ?? []), order]);
            take(assembler.push(call(event.thread, order), order, nowMs));
          } else if (event.kind === 'end') take(assembler.end(event.thread));
          else {
            nowMs += 101;
            take(assembler.expire(nowMs));
            expect(assembler.openCount).toBe(0);
          }
          expect(assembler.openCount).toBeLessThanOrEqual(3);
        }
        take(assembler.flush());
        expect(got).toEqual(given);
      }),
    );
  });

  it('knows the oldest item that it still needs', () => {
    const assembler = new TraceAssembler(options);
    expect(assembler.oldest()).toBeUndefined();
    assembler.push(call('a', 1), 10, 0);
    assembler.push(call('b', 1), 11, 0);
    expect(assembler.oldest()).toBe(10);
    assembler.end('a');
    expect(assembler.oldest()).toBe(11);
    for (let order = 12; order < 16; order += 1) assembler.push(call('b', 1), order, 0);
    expect(assembler.oldest()).toBeUndefined();
  });

  it('numbers the pieces of a long-lived thread and keeps its times, wherever the source’s clock jumps', () => {
    const assembler = new TraceAssembler(options);
    const times = [1_000, 2_000, -5, 9e12, 3_000, 4_000];
    const pieces = times.flatMap((atMs, order) => assembler.push(call('a', order, atMs), order, order));
    expect(pieces).toMatchObject([{ piece: 0, firstMs: 1_000, lastMs: 3_000, began: 0 }]);
    expect(assembler.flush()).toMatchObject([{ piece: 1, firstMs: 4_000, began: 5 }]);
  });
});
