import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemTimers } from '../../../base/system-timers.ts';
import type { ObservedFlow } from '../../events/flow-record.ts';
import type { SourceBatch } from '../../events/source-item.ts';
import type { FilePosition } from '../../recordings/file-follower.ts';
import { openSource } from '../../sources/open-source.ts';
import { readSource } from '../../sources/source-reader.ts';
import { FlowIntake } from './flow-intake.ts';
import type { NamedSlice } from './graph/slice.ts';
import { plainFlow } from './graph/testing/any-flow.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-intake-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const options = { intervalMs: 1_000, windowIntervals: 3, latenessMs: 500, jumpMs: 60_000 };
const header =
  'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,packets_out,packets_in,label,family';
const rowsPerSecond = 500;
/** Twelve seconds of flows, from a service that changes every second. */
const rows = Array.from(
  { length: 12 * rowsPerSecond },
  (_, i) => `${i / rowsPerSecond},0.01,c01,s${Math.floor(i / rowsPerSecond)},db,5432,tcp,${i},1,1,1,normal,normal`,
);
const surroundings = { riskOf: () => undefined, salt: new Uint8Array(32), now: () => 0 };
const source = { name: 'flows', recorded: false, skipped: () => undefined, coarsened: () => undefined };

/** Reads a file with cursors, up to a line where the process is "killed". */
async function read(path: string, from?: FilePosition, killAfter = Number.POSITIVE_INFINITY) {
  const slices: NamedSlice[] = [];
  const saved: FilePosition[] = [];
  let [nowMs, items] = [0, 0];
  const batches = openSource(
    { kind: 'flowCsv', path, follow: false, addresses: [] },
    {
      from,
      signal: new AbortController().signal,
      timers: systemTimers,
      onDisconnect: () => undefined,
      ofTrack: () => undefined,
    },
  );
  async function* some(): AsyncGenerator<SourceBatch<FilePosition>> {
    for await (const batch of batches) {
      yield batch;
      items += batch.items.length;
      if (items >= killAfter) throw new Error('killed');
    }
  }
  // The recording's own time is far from ours: arrival says nothing about its clocks.
  const intake = new FlowIntake(surroundings, options, () => Date.UTC(2030, 0));
  const ports = {
    lanes: [
      {
        intake: intake.from(source),
        take: async (some: readonly unknown[]) => void slices.push(...(some as readonly NamedSlice[])),
      },
    ],
    saveCursor: async (position: FilePosition) => void saved.push(position),
    count: () => undefined,
    // The cursor is saved with every batch, and nothing is ever quiet for long.
    nowMs: () => {
      nowMs += 2_000;
      return nowMs;
    },
  };
  await readSource(some(), ports, from).catch((error: Error) => {
    if (error.message !== 'killed') throw error;
  });
  return { slices, saved, items };
}

describe('FlowIntake', () => {
  it.each([700, 2_250, 4_999])(
    'misses no window after a crash at flow %i, and does not begin at the start again',
    async (line) => {
      const path = join(folder, 'flows.csv');
      await writeFile(path, `${header}\n${rows.join('\n')}\n`);
      const whole = await read(path);
      expect(whole.slices.map(({ slice }) => slice.endMs)).toEqual(
        [4, 5, 6, 7, 8, 9, 10, 11, 12].map((s) => s * 1_000),
      );
      const before = await read(path, undefined, line);
      const after = await read(path, before.saved.at(-1));
      // A window may come twice: alerts are told apart by what they are about.
      const byEnd = new Map([...before.slices, ...after.slices].map((named) => [named.slice.endMs, named]));
      expect([...byEnd.values()].sort((a, b) => a.slice.endMs - b.slice.endMs)).toEqual(whole.slices);
      if (line > 2_000) expect(after.items).toBeLessThan(rows.length - line + 6 * rowsPerSecond);
    },
  );

  it('closes what is open when a source has been silent for two minutes', () => {
    const intake = new FlowIntake(surroundings, options, () => 4_000).from(source);
    for (const [order, atMs] of [0, 1_000, 2_000, 3_000].entries()) {
      expect(intake.push({ kind: 'flow', flow: { ...plainFlow, atMs } }, order, atMs)).toEqual([]);
    }
    expect(intake.expire(100_000)).toEqual([]);
    expect(intake.expire(200_000).map(({ slice }) => [slice.startMs, slice.endMs])).toEqual([[1_000, 4_000]]);
  });

  it('says what was passed over and what was counted together', () => {
    const noted: unknown[] = [];
    const noting = {
      ...source,
      skipped: (reason: string, _where: string, count = 1) => void noted.push([reason, count]),
      coarsened: (what: string, count: number, where: string) => void noted.push([what, count, where]),
    };
    const bounds = { nodesMax: 40, edgesMax: 30, portsPerPairMax: 4 };
    const intake = new FlowIntake(surroundings, { ...options, ...bounds, partialWindows: true }, () => 9_000).from(
      noting,
    );
    const workload = (name: string) => ({ kind: 'workload', namespace: 'ns', workload: name }) as const;
    let order = 0;
    const push = (change: Partial<ObservedFlow>) =>
      intake.push({ kind: 'flow', flow: { ...plainFlow, ...change } }, order++, 0);
    push({ atMs: 0, id: 'a' });
    push({ atMs: 0, id: 'a' });
    for (let port = 1; port <= 20; port++) {
      push({ atMs: 1, source: workload('prober'), destination: workload('db'), destinationPort: port });
    }
    for (let other = 0; other < 100; other++) push({ atMs: 2, source: workload(`w${other}`) });
    push({ atMs: 5_000 });
    push({ atMs: 3 });
    push({ atMs: -86_400_000 });
    push({ atMs: 5_001 });
    expect(noted).toEqual([
      ['REPEATED', 1],
      ['WORKLOADS_FOLDED', 65, 'flows until 1970-01-01T00:00:01.000Z'],
      ['EDGES_FOLDED', 76, 'flows until 1970-01-01T00:00:01.000Z'],
      ['PORT_SCAN', 1, 'workload ns/prober → workload ns/db: 20 ports'],
      ['TOO_LATE', 1],
      ['CLOCK_JUMP', 1],
    ]);
  });

  it('puts the sightings of two sources together as one', () => {
    const intake = new FlowIntake(surroundings, { ...options, partialWindows: true }, () => 1_000);
    const [one, other] = [intake.from({ ...source, name: 'n1' }), intake.from({ ...source, name: 'n2' })];
    one.push({ kind: 'flow', flow: { ...plainFlow, seenAt: 'client', node: 'n1' } }, 0, 0);
    other.push({ kind: 'flow', flow: { ...plainFlow, seenAt: 'server', node: 'n2' } }, 0, 0);
    expect(one.flush()).toEqual([]);
    expect(other.flush().map(({ names }) => names.edges[0]?.count)).toEqual([1]);
  });

  it.each(['silent', 'ended'])('passes over nothing of a busy source where another one is %s', (is) => {
    const late: string[] = [];
    let nowMs = 0;
    const intake = new FlowIntake(surroundings, options, () => nowMs);
    const busy = intake.from({ ...source, skipped: (reason) => void late.push(reason) });
    const other = intake.from(source);
    const flow = () => ({ kind: 'flow', flow: { ...plainFlow, atMs: nowMs } }) as const;
    other.push(flow(), 0, nowMs);
    for (let order = 0; order < 1_300; order++, nowMs += 100) {
      busy.push(flow(), order, nowMs);
      if (nowMs === 120_200) other[is === 'silent' ? 'expire' : 'flush'](nowMs);
    }
    expect(late).toEqual([]);
    // It does not hold up the rest either.
    expect(other.expire(nowMs + 200_000).at(-1)?.slice.endMs).toBe(130_000);
  });
});
