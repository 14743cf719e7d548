import { describe, expect, it } from 'vitest';
import type { SourceItem } from '../events/source-item.ts';
import { callIdOfName } from '../events/vocabulary.ts';
import { Gate } from './gate.ts';

const process = {
  node: 'n',
  namespace: 'shop',
  workload: 'web',
  pod: 'web-0',
  container: 'web',
  binary: '/bin/web',
  pid: 1,
  workloadClass: 'web',
};

function call(thread: string, name: string): SourceItem {
  return { kind: 'call', thread, process, call: callIdOfName(name), argumentClass: 0, atMs: 0 };
}
const reads = Array.from({ length: 400 }, (_, at) => call(`thread-${at}`, 'read'));

describe('Gate', () => {
  it('lets everything through at first, and counts calls and losses', () => {
    const gate = new Gate();
    expect(gate.through([...reads, { kind: 'lost', count: 7 }])).toHaveLength(401);
    expect([gate.calls, gate.unseen, gate.lost]).toEqual([400, 0, 7]);
  });

  it('looks at one thread in four when it samples, always at the same ones, and counts the others', () => {
    const gate = new Gate();
    gate.step = 'sampled';
    const first = gate.through(reads);
    expect(first.length).toBeGreaterThan(60);
    expect(first.length).toBeLessThan(140);
    expect(gate.through(reads)).toEqual(first);
    expect(gate.unseen).toBe(2 * (400 - first.length));
  });

  it('looks at a thread from its first dangerous call on, in every step, until it ends', () => {
    const gate = new Gate();
    gate.step = 'dangerous';
    const [before, danger, after] = [call('t', 'openat'), call('t', 'ptrace'), call('t', 'close')];
    const end: SourceItem = { kind: 'end', thread: 't' };
    expect(gate.through([before, danger, after, call('other', 'read')])).toEqual([danger, after]);
    expect(gate.through([end, after])).toEqual([end]);
    expect(gate.unseen).toBe(3);
  });
});
