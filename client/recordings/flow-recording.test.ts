import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { AddressBook } from './address-book.ts';
import { flowRecording } from './flow-recording.ts';

const header = 'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,label,family\n';
const rows = Array.from({ length: 3 }, (_, at) => `${1_700_000_000 + at},0.1,c,web,db,5432,tcp,1,2,normal,normal\n`);

it('speaks of what it has read when it is ended, also within a line that does not end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-flows-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'flows.csv.gz');
  writeFileSync(path, gzipSync(Buffer.concat([Buffer.from(header + rows.join('')), Buffer.alloc(64 << 20, 'x')])));
  const stop = new AbortController();
  setImmediate(() => stop.abort());
  const layout = { addresses: new AddressBook(), part: undefined };
  const kinds: string[] = [];
  for await (const { items } of flowRecording(path, { layout, labels: ['normal'], signal: stop.signal })) {
    kinds.push(...items.map(({ kind }) => kind));
  }
  expect(kinds.filter((kind) => kind === 'flow')).toHaveLength(3);
});

it('passes over a flow whose time was left empty: it did not happen in 1970', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-flows-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'flows.csv');
  const timeless = ['', '-', ' '].map((start) => rows[0]?.replace(/^[^,]*/, start));
  writeFileSync(path, [header, ...timeless, ...rows].join(''));
  const layout = { addresses: new AddressBook(), part: undefined };
  const { signal } = new AbortController();
  const seen: string[] = [];
  for await (const { items } of flowRecording(path, { layout, labels: ['normal'], signal })) {
    for (const item of items) seen.push(item.kind === 'skipped' ? item.reason : item.kind);
  }
  expect(seen.sort()).toEqual(['BAD_TIME', 'BAD_TIME', 'BAD_TIME', 'flow', 'flow', 'flow']);
});
