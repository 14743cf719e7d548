import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemTimers } from '../../base/system-timers.ts';
import type { FlowItem } from '../events/source-item.ts';
import { flowLogDocuments, flowLogLines, flowLogTables } from '../sources/testing/tables/flow-logs.ts';
import { AddressBook } from './address-book.ts';
import { csvFlowFile, csvFlowRecording } from './csv-flow-file.ts';
import type { FilePosition } from './file-follower.ts';
import { FlowLines } from './flow-lines.ts';

const layout = { addresses: new AddressBook() };
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-flow-logs-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function recording(name: string, content: string | Uint8Array): Promise<FlowItem[]> {
  const path = join(folder, name);
  await writeFile(path, content);
  const items: FlowItem[] = [];
  for await (const batch of csvFlowRecording(path, layout)) items.push(...batch);
  return items;
}
const cases = [flowLogLines, flowLogTables, flowLogDocuments].flatMap((table) => table.cases);

describe('csvFlowRecording', () => {
  it.each(cases.map((one) => [`${one.tool} ${one.versions}: ${one.shape}`, one] as const))(
    'reads a finished file as a followed one, plain and gzip: %s',
    async (_, { lines, items }) => {
      const text = `${lines.join('\n')}\n`;
      expect(await recording('plain', text)).toMatchObject(items);
      expect(await recording('zipped.gz', gzipSync(text))).toMatchObject(items);
      expect(await recording('windows', `\ufeff${lines.join('\r\n')}\r\n`)).toMatchObject(items);
    },
  );

  it('reads a blob of many megabytes without a single newline', async () => {
    const tuple = '1772532300250,10.0.0.6,203.0.113.9,23956,443,6,O,B,NX,0,0,0,0';
    const record = { flowRecords: { flows: [{ flowGroups: [{ rule: 'r', flowTuples: Array(1_000).fill(tuple) }] }] } };
    const text = JSON.stringify({ records: Array(40).fill(record) });
    expect(text.length).toBeGreaterThan(2 * 2 ** 20);
    const items = await recording('PT1H.json', text);
    expect(items.length).toBe(40_000);
    expect(new Set(items.map(({ kind }) => kind))).toEqual(new Set(['flow']));
  });
});

describe('csvFlowFile', () => {
  it.each(flowLogTables.cases.map((one) => [`${one.tool}: ${one.shape}`, one] as const))(
    'goes on behind a cursor under the header that it read before: %s',
    async (_, { lines }) => {
      const path = join(folder, 'flows.log');
      const isHeader = (line: string) => /^#|^version|^srcaddr|^ts,|^firstSeen|^cnt/.test(line);
      const header = lines.findIndex((line) => !isHeader(line));
      const records = lines
        .slice(header)
        .filter((line) => !isHeader(line))
        .slice(0, 2);
      await writeFile(path, `${[...lines.slice(0, header), ...records].join('\n')}\n`);
      const read = async (from?: FilePosition) => {
        const items: FlowItem[] = [];
        const cursors: FilePosition[] = [];
        const follow = { from, follow: false, timers: systemTimers, signal: new AbortController().signal };
        for await (const batch of csvFlowFile(path, { follow, layout })) {
          items.push(...batch.items);
          if (batch.cursor !== undefined) cursors.push(batch.cursor);
        }
        return { items, cursors };
      };
      const whole = await read();
      const behindFirst = whole.cursors[header] as FilePosition;
      const rest = await read(behindFirst);
      expect(rest.items.map(({ kind }) => kind)).toEqual(whole.items.slice(1).map(({ kind }) => kind));
      expect(rest.items.length).toBe(records.length - 1);
    },
  );
});

describe('FlowLines', () => {
  it('throws at no line of 1 MiB, whatever the file began with', () => {
    const long = 'x'.repeat(2 ** 20);
    const lines = [
      ...[
        `{"event_type":"flow","src_ip":"${long}"}`,
        `${'{"a":['.repeat(1_000)}${long}`,
        `{"records":[${'{},'.repeat(3e5)}{}]}`,
      ],
      ...[
        long,
        `#fields\t${'a\t'.repeat(2 ** 19)}`,
        `2 ${'1 '.repeat(2 ** 19)}`,
        `ts,te,${','.repeat(2 ** 20)}`,
        `"${long}`,
        `${'['.repeat(2 ** 19)}${']'.repeat(2 ** 19)}`,
        `${'{"records":['.repeat(20_000)}${']}'.repeat(20_000)}`,
      ],
    ];
    for (const first of ['', ...cases.map((one) => one.lines[0] as string)]) {
      const reader = new FlowLines('x', layout);
      reader.push(first);
      for (const line of lines) expect(() => reader.push(line)).not.toThrow();
    }
  });

  it('goes on after a line that was cut off, in a log of lines and in a document', () => {
    const { lines, items } = flowLogLines.cases.find(({ tool }) =>
      tool.startsWith('Suricata'),
    ) as (typeof cases)[number];
    const cut = (lines[0] as string).slice(0, 80);
    for (const first of [cut, '{', '[']) {
      const reader = new FlowLines('x', layout);
      const found = [...reader.push(first), ...reader.push(lines[0] as string), ...reader.push(lines[1] as string)];
      expect(found.filter(({ kind }) => kind === 'flow')).toMatchObject(items.slice(0, 2));
    }
  });
  it('reads a list of which each line holds a whole record, the first one too', () => {
    const flowsOf = (...lines: readonly string[]) => {
      const reader = new FlowLines('x', layout);
      return [...lines.flatMap((line) => reader.push(line)), ...reader.end()].filter(({ kind }) => kind === 'flow');
    };
    for (const { lines } of flowLogLines.cases) {
      const [one = '', other = ''] = lines;
      if (one.startsWith('{')) expect(flowsOf(`[${one},`, `${other}]`)).toEqual(flowsOf(one, other));
    }
    expect.hasAssertions();
  });
});
