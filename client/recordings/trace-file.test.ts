import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callIdOfName, callIdOfNumber, unknownId } from '../events/vocabulary.ts';
import { readTraceFile } from './trace-file.ts';
import { type TraceItem, TraceLineParser } from './trace-line-parser.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-traces-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let fileCount = 0;
async function itemsOf(content: string | Uint8Array): Promise<TraceItem[]> {
  const path = join(folder, `${fileCount++}.tsv`);
  await writeFile(path, content);
  return Array.fromAsync(readTraceFile(path));
}

function parse(chunks: readonly Uint8Array[]): TraceItem[] {
  const parser = new TraceLineParser('x86_64');
  return [...chunks.flatMap((chunk) => [...parser.push(chunk)]), ...parser.end()];
}

const line = 'train\tc01\tnginx\tnormal\tnginx.r1.s0\t1 2 3\n';

describe('readTraceFile', () => {
  it('reads the layouts without times, plain and gzip, with and without a last newline', async () => {
    const text = `${line}validation\tNormal\tUVD-1\t265 168\r\nlive\topenat close openat`;
    const ids = (...numbers: number[]) => numbers.map((number) => callIdOfNumber(number, 'x86_64'));
    const expected = [
      { split: 'train', cluster: 'c01', service: 'nginx', family: 'normal', name: 'nginx.r1.s0', calls: ids(1, 2, 3) },
      { split: 'validation', service: 'Normal', family: 'Normal', name: 'UVD-1', calls: ids(265, 168) },
      { split: '', service: '', family: '', name: 'live', calls: ids(257, 3, 257) },
    ];
    for (const content of [text, gzipSync(text), `\ufeff${text}`]) {
      const traces = (await itemsOf(content)).map((item) => item.kind === 'trace' && item.trace);
      expect(traces.map((trace) => trace && { ...trace, calls: [...trace.calls] })).toEqual(expected);
    }
  });

  it('reads when a trace ended where a column before the calls says so, and refuses what is no time', async () => {
    const at = (ended: string) => `validation\tc01\tnginx\tnormal\tn1\t${ended}\t1 2 3\n`;
    const times = ['1793577600.25', '2026-11-02T00:00:00.250Z', 'noon 1', '2026-13-45T00:00:00Z', ''];
    const items = await itemsOf(times.map(at).join('') + line);
    const read = items.map((item) => (item.kind === 'trace' ? item.trace.endedMs : item.kind));
    expect(read).toEqual([1_793_577_600_250, 1_793_577_600_250, 'malformed', 'malformed', 'malformed', undefined]);
    expect(items[2]).toMatchObject({ fault: { message: expect.stringContaining('epoch seconds or as 2026-') } });
    const never = ['2026-02-30T00:00:00Z', '2026-11-02T24:00:00Z', '9999999999', '9026-11-02T00:00:00Z', '0x6ae5a0c0'];
    const kinds = (await itemsOf(never.map(at).join(''))).map(({ kind }) => kind);
    expect(kinds).toEqual(never.map(() => 'malformed'));
    const [short, odd] = await itemsOf('train\tnginx\tn1\t1793577600.25\t1 2 3\ntrain\tnginx\tn1\tat noon\t1 2 3\n');
    expect(short).toMatchObject({
      trace: { split: 'train', cluster: undefined, service: 'nginx', name: 'n1', endedMs: 1_793_577_600_250 },
    });
    expect(odd).toMatchObject({ kind: 'malformed', name: 'n1' });
  });

  it('has an item for every line, and says where the unreadable ones are', async () => {
    const items = await itemsOf(
      `${line}only text\n\na\tb\tc\n${line}x\t1 t:o 3\n\x00\xff\t\x01\nn\t\ncredential access\t1\n${line}`,
    );
    expect(items.map(({ kind, line: at }) => `${at} ${kind}`)).toEqual([
      '1 trace',
      '2 malformed',
      '3 malformed',
      '4 malformed',
      '5 trace',
      '6 malformed',
      '7 malformed',
      '8 trace',
      '9 trace',
      '10 trace',
    ]);
    expect(items[5]).toMatchObject({ name: 'x', fault: { code: 'TRACE_LINE_MALFORMED', fields: { line: 6 } } });
    expect(items[8]).toMatchObject({ trace: { name: 'credential access' } });
  });

  it('takes numbers and names that no kernel has for unknown calls and counts them', async () => {
    const [item] = await itemsOf(`t\t65534 2147483648 99999999999999999999 frobnicate 1\n`);
    expect(item).toMatchObject({ kind: 'trace', unknownCalls: 4 });
    expect(item?.kind === 'trace' && [...item.trace.calls]).toEqual([
      ...Array.from({ length: 4 }, () => unknownId),
      callIdOfName('write'),
    ]);
  });

  it('hands over every whole line of a gzip file that was cut anywhere, then says that it was', async () => {
    const text = Array.from({ length: 3_000 }, (_, i) => `train\tNormal\tt${i}\t${i} ${(i * 7919) % 400}\n`).join('');
    const zipped = gzipSync(text);
    const whole = (await itemsOf(zipped)).length;
    expect(whole).toBe(3_000);
    for (const share of [0.99, 0.6, 0.2]) {
      const items = await itemsOf(zipped.subarray(0, Math.floor(zipped.length * share)));
      expect(items.at(-1)).toMatchObject({ kind: 'broken', fault: { code: 'TRACE_FILE_CUT_SHORT' } });
      expect(items.length).toBeGreaterThan(3_000 * share * 0.7);
      for (const [i, item] of items.slice(0, -1).entries()) expect(item).toMatchObject({ trace: { name: `t${i}` } });
    }
  });

  it('names the place where gzip data are damaged, and a file that is not there', async () => {
    const damaged = gzipSync(line.repeat(2_000));
    damaged[Math.floor(damaged.length / 2)] = (damaged[Math.floor(damaged.length / 2)] ?? 0) ^ 0xff;
    expect((await itemsOf(damaged)).at(-1)).toMatchObject({ kind: 'broken', fault: { code: 'TRACE_FILE_UNREADABLE' } });
    const missing = await Array.fromAsync(readTraceFile(join(folder, 'missing')));
    expect(missing).toMatchObject([{ kind: 'broken', line: 1, fault: { code: 'TRACE_FILE_UNREADABLE' } }]);
    expect(await itemsOf('')).toEqual([]);
  });

  it('reads a trace of ten million calls in two bytes a call', async () => {
    const calls = 10_000_000;
    const zipped = gzipSync(`big\t${'59 '.repeat(calls)}\n${line}`, { level: 1 });
    const items = await itemsOf(zipped);
    expect(items.map((item) => item.kind === 'trace' && item.trace.calls.length)).toEqual([calls, 3]);
  });
});

describe('TraceLineParser', () => {
  it('reads the same whatever the borders of chunks, and throws on no bytes at all', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.stringMatching(/^[a-z0-9 \t\n]{0,60}$/).map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(60)), (content, cuts) => {
        const borders = [0, ...cuts.filter((cut) => cut < content.length), content.length].sort((a, b) => a - b);
        const chunks = borders.slice(1).map((end, i) => content.subarray(borders[i], end));
        expect(parse(chunks)).toEqual(parse([content]));
      }),
      { numRuns: 2_000 },
    );
  });
});
