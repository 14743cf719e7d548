import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemTimers } from '../../../base/system-timers.ts';
import { itWhere } from '../../../tools/testing/where.ts';
import type { ObservedFlow } from '../../events/flow-record.ts';
import type { FlowItem } from '../../events/source-item.ts';
import { AddressBook } from '../../recordings/address-book.ts';
import { csvFlowFile, csvFlowRecording } from '../../recordings/csv-flow-file.ts';
import { type CsvItem, CsvRecords } from '../../recordings/csv-records.ts';
import type { FilePosition } from '../../recordings/file-follower.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-csv-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function parse(text: string, limits = {}): CsvItem[] {
  const records = new CsvRecords(limits);
  return [...text.split('\n').flatMap((line) => records.push(line)), ...records.end()];
}
const fieldsOf = (items: readonly CsvItem[]) => items.flatMap((item) => (item.kind === 'record' ? [item.fields] : []));

describe('CsvRecords', () => {
  const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'é'), maxLength: 6 });
  const row = fc.array(field, { minLength: 1, maxLength: 5 });
  const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  it('reads back whatever fields were written with RFC 4180 quoting', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), fc.constantFrom('\n', '\r\n'), (rows, newline) => {
        const text = rows.map((fields) => fields.map(quoted).join(',')).join(newline);
        expect(fieldsOf(parse(text, { linesMax: 1_000 }))).toEqual(rows);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never loses a line: each is in a record or said to be malformed', () => {
    const anything = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r'), maxLength: 60 });
    fc.assert(
      fc.property(anything, (text) => {
        const items = parse(text, { linesMax: 3 });
        const lines = text.split('\n').length;
        const starts = items.map(({ line }) => line);
        expect(starts[0]).toBe(1);
        expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b));
        expect(starts.at(-1)).toBeLessThanOrEqual(lines);
        // A record spans the lines up to the next item's, and has their breaks in its fields.
        for (const [index, item] of items.entries()) {
          const span = (items[index + 1]?.line ?? lines + 1) - item.line;
          const breaks = item.kind === 'record' ? item.fields.join('').split('\n').length - 1 : 0;
          expect(span).toBe(1 + breaks);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('loses only the line whose quote does not belong', () => {
    expect(parse('a,"b\nc,d\ne,f\ng,h\ni,"j"', { linesMax: 2 })).toEqual([
      { kind: 'malformed', line: 1, why: 'quote never closed' },
      { kind: 'record', line: 2, fields: ['c', 'd'] },
      { kind: 'record', line: 3, fields: ['e', 'f'] },
      { kind: 'record', line: 4, fields: ['g', 'h'] },
      { kind: 'record', line: 5, fields: ['i', 'j'] },
    ]);
    expect(parse('a"b,c\n"a"b\nx')).toEqual([
      { kind: 'malformed', line: 1, why: 'quote inside a field' },
      { kind: 'malformed', line: 2, why: 'text after a quote' },
      { kind: 'record', line: 3, fields: ['x'] },
    ]);
  });
});

const addresses = new AddressBook([
  { network: '59.166.0.0/16' },
  { network: 'fd00:1::/32', namespace: 'shop', workload: 'web' },
]);

async function read(text: string | Uint8Array, part?: string): Promise<FlowItem[]> {
  const path = join(folder, 'flows.csv');
  await writeFile(path, text);
  const items: FlowItem[] = [];
  for await (const batch of csvFlowRecording(path, { addresses, part })) items.push(...batch);
  return items;
}
const flows = (items: readonly FlowItem[]): ObservedFlow[] =>
  items.flatMap((item) => (item.kind === 'flow' ? [item.flow] : []));
const told = (items: readonly FlowItem[]) => items.map((item) => (item.kind === 'skipped' ? item.reason : item.kind));

const recordedHeader =
  'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,packets_out,packets_in,label,family';
const recordedRow = '0.5,0.0184,c01,nginx,redis,6379,tcp,961,617,13,11,normal,normal';

describe('csvFlowRecording', () => {
  it("reads the project's own columns, plain and gzip, one cluster of several", async () => {
    const text = `${recordedHeader}\n${recordedRow}\n${recordedRow.replace('c01', 'c02')}\n1,0,c01,ext,nginx,80,tcp,1,2,3,4,attack,exploit_request\n`;
    for (const content of [text, gzipSync(text)]) {
      const [first, second, ...rest] = flows(await read(content, 'c01'));
      expect(rest).toEqual([]);
      expect(first).toMatchObject({
        atMs: 500,
        source: { kind: 'workload', workload: 'nginx' },
        destination: { kind: 'workload', workload: 'redis' },
        destinationPort: 6379,
        volume: { bytesOut: 961, bytesIn: 617, packetsOut: 13, packetsIn: 11, durationMs: 18.4 },
        label: 'normal',
      });
      expect(second).toMatchObject({ source: { kind: 'world', workload: '' }, label: 'exploit_request' });
    }
  });

  it("reads CICFlowMeter's columns in both spellings", async () => {
    const newer =
      'Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Total Fwd Packet,Total Bwd packets,Total Length of Fwd Packet,Total Length of Bwd Packet,Label\n' +
      'x,10.16.0.2,36374,fd00:1::7,6642,6,2023-03-09 01:01:19.223506,18693,11,9,474.0,16237.0,0\n';
    const older =
      'Flow ID, Source IP, Source Port, Destination IP, Destination Port, Protocol, Timestamp, Flow Duration, Total Fwd Packets, Total Backward Packets,Total Length of Fwd Packets, Total Length of Bwd Packets, Label\n' +
      'x,8.8.8.8,53,192.168.10.5,54865,17,7/4/2017 3:04,20,2,1,12,6,DDoS\n';
    expect(flows(await read(newer))).toMatchObject([
      {
        atMs: Date.UTC(2023, 2, 9, 1, 1, 19, 223),
        source: { kind: 'workload', workload: '10.16.0.2' },
        destination: { kind: 'workload', namespace: 'shop', workload: 'web' },
        destinationPort: 6642,
        protocol: 'tcp',
        volume: { bytesOut: 474, bytesIn: 16_237, packetsOut: 11, packetsIn: 9, durationMs: 18.693 },
        label: 'normal',
      },
    ]);
    expect(flows(await read(older))).toMatchObject([
      { atMs: Date.UTC(2017, 3, 7, 3, 4), source: { kind: 'world' }, protocol: 'udp', label: 'DDoS' },
    ]);
  });

  it('reads UNSW-NB15 with and without header, and its partition without addresses', async () => {
    const columns = 49;
    const row = ['59.166.0.0', '1390', '59.166.0.6', '0x0035', 'udp', 'CON', '0.001055', '132', '164'];
    const raw = [...row, ...Array.from({ length: columns - row.length }, () => '0')];
    raw[28] = '1421927414';
    raw[47] = ' Fuzzers';
    expect(flows(await read(`${raw.join(',')}\n`))).toMatchObject([
      {
        atMs: 1_421_927_414_000,
        source: { workload: '59.166.0.0' },
        destinationPort: 53,
        volume: { bytesOut: 132, bytesIn: 164, durationMs: 1.055 },
        label: 'Fuzzers',
      },
    ]);
    const partition =
      'id,dur,proto,service,state,spkts,dpkts,sbytes,dbytes,ct_srv_src,attack_cat,label\n1,0.5,tcp,http,FIN,10,8,534,354,1,Normal,0\n';
    expect(flows(await read(partition))).toMatchObject([
      { source: { kind: 'unknown' }, destinationPort: 80, volume: { packetsOut: 10 }, label: 'normal' },
    ]);
  });

  it('takes a time for what a clock can show, and a number for what is decimal; ports of some sets are hexadecimal', async () => {
    const header = 'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,family\n';
    const row = (start: string, port = '80', bytes = '1') => `${start},0.1,c,a,b,${port},tcp,${bytes},1,normal\n`;
    const told = async (text: string) =>
      (await read(header + text)).map((item) => (item.kind === 'skipped' ? item.reason : item.kind));
    expect(await told(['1.5', '-2', '1e3'].map((start) => row(start)).join(''))).toEqual(['flow', 'flow', 'flow']);
    const never = ['0x10', '1e12', '-1e12', 'Infinity', '1e999'];
    expect(await told(never.map((start) => row(start)).join(''))).toEqual(never.map(() => 'BAD_TIME'));
    expect(await told(row('1', '0x35') + row('1', '0x10000') + row('1', '80', '0x10') + row('1', '80', '0b1'))).toEqual(
      ['flow', 'BAD_FIELD', 'BAD_FIELD', 'BAD_FIELD'],
    );
    const meter = 'Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Label\n';
    const at = (time: string) => `192.0.2.1,1,192.0.2.2,80,6,${time},1,BENIGN\n`;
    const times = [
      '2023-02-30 01:01:19',
      '31/02/2017 08:42:07 AM',
      '05/13/2017 08:42:07',
      '5 Jul 2017',
      '28/02/2017 08:42',
    ];
    const told2 = (await read(meter + times.map(at).join(''))).map((item) =>
      item.kind === 'skipped' ? item.reason : item.kind,
    );
    expect(told2).toEqual(['BAD_TIME', 'BAD_TIME', 'BAD_TIME', 'BAD_TIME', 'flow']);
  });

  it('reads calls between pods, counts of them, drawn topologies and captures', async () => {
    const calls =
      'app,phase,start_epoch_us,src_pod,dst_pod,operation,duration_us\n' +
      'shop,normal,1661141418990698,frontend-579b9bff58-t2dbm,cart-579f59597d-wc2lz,hipstershop.Cart/Get,187\n' +
      'shop,normal,1661141418990699,ingress,cart-579f59597d-wc2lz,/cart/{id},187\n';
    expect(flows(await read(calls))).toMatchObject([
      {
        atMs: 1_661_141_418_990.698,
        source: { namespace: 'shop', workload: 'frontend' },
        l7: { apiClass: 'grpc', route: '/hipstershop.Cart/Get' },
      },
      { source: { kind: 'world' }, l7: { route: '/cart/{}' } },
    ]);
    const edges =
      'app,phase,minute,first_epoch_s,src_service,src_pod,dst_service,dst_pod,calls,mean_us,p95_us,operations\n' +
      'shop,fault,2022-08-22T03:53,1661140339,a,a-578fcf4766-9csqn,b,b-578fcf4766-9csqn,36,1733,2100,2\n';
    expect(flows(await read(edges))).toMatchObject([{ count: 36, destination: { workload: 'b' } }]);
    expect(flows(await read('app,src,dst,stereotypes\nx,a,b,restful_http|authenticated\ny,c,d,\n', 'x'))).toMatchObject(
      [{ atMs: 0, source: { workload: 'a' }, l7: { apiClass: 'http-other' } }],
    );
    const capture =
      'capture,sensor,start_epoch,duration_s,src_ip,src_port,dst_ip,dst_port,proto,fwd_pkts,bwd_pkts,fwd_bytes,bwd_bytes,syn,fin,rst,label\n' +
      'k,A,1600800760.07,10.8,172.18.39.5,62774,172.18.39.6,445,tcp,12,11,4642,2137,2,0,1,lateral\n' +
      'k,B,1600800760.11,10.8,172.18.39.5,62774,172.18.39.6,445,tcp,12,11,4642,2137,2,0,1,lateral\n';
    const [one, other] = flows(await read(capture)) as [ObservedFlow, ObservedFlow];
    expect(one).toMatchObject({ node: 'A', label: 'lateral' });
    expect(one.id).toBe(other.id);
  });

  it('passes over bad rows, each with its reason and line, and nothing after them', async () => {
    const rows = [
      recordedRow,
      'x,"y',
      '1,2,3',
      recordedRow.replace('6379', '99999'),
      recordedRow.replace('0.5', 'noon'),
      recordedRow.replace('nginx', ''),
      recordedRow.replace('961', '-961'),
      recordedRow,
    ];
    const items = await read(`${recordedHeader}\n${rows.join('\r\n')}\r\n`);
    expect(told(items)).toEqual([
      'flow',
      'MALFORMED_CSV',
      'WRONG_FIELD_COUNT',
      'BAD_FIELD',
      'BAD_TIME',
      'MISSING_ENDPOINT',
      'BAD_FIELD',
      'flow',
    ]);
    expect(items[1]).toMatchObject({ where: expect.stringMatching(/:3$/) });
    expect(told(await read('what,is,this\n1,2,3\n'))).toEqual(['UNKNOWN_LAYOUT', 'UNKNOWN_LAYOUT']);
  });

  it('reads the flows that ship with the project, every one', async () => {
    let [count, attacks] = [0, 0];
    for await (const batch of csvFlowRecording('data/recorded/flows.csv.gz', { addresses })) {
      for (const item of batch) {
        expect(item.kind).toBe('flow');
        count += 1;
        if (item.kind === 'flow' && item.flow.label === 'lateral_movement') attacks += 1;
      }
    }
    expect([count, attacks]).toEqual([33_111, 35]);
  });

  const shared: Record<string, number> = {
    'flows/k8s_misuse.csv.gz': 5_527,
    'flows/unsw_nb15_ip.csv.gz': 9_965,
    'flows/unsw_nb15_features.csv.gz': 53_741,
    'flows/otrf_lateral_movement.csv.gz': 210,
    'graphs/nezha_calls.csv.gz': 84_711,
    'graphs/nezha_service_edges.csv.gz': 4_693,
    'graphs/microsecend_edges.csv.gz': 266,
  };
  for (const [name, rows] of Object.entries(shared)) {
    const path = `../shared/data/${name}`;
    itWhere(existsSync(path))(`reads every row of ${name}`, async () => {
      const counts = new Map<string, number>();
      for await (const batch of csvFlowRecording(path, { addresses })) {
        for (const outcome of told(batch)) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      }
      expect(Object.fromEntries(counts)).toEqual({ flow: rows });
    });
  }
});

describe('csvFlowFile', () => {
  it('goes on behind its cursor, under the header it read before', async () => {
    const path = join(folder, 'flows.csv');
    await writeFile(path, `${recordedHeader}\n${recordedRow}\n${recordedRow.replace('nginx', 'php')}\n`);
    const signal = new AbortController().signal;
    const cursors: (FilePosition | undefined)[] = [];
    for await (const { cursor } of csvFlowFile(path, { follow: { follow: false, signal }, layout: { addresses } })) {
      cursors.push(cursor);
    }
    const items: FlowItem[] = [];
    const follow = { from: cursors[1], follow: false, timers: systemTimers, signal };
    for await (const batch of csvFlowFile(path, { follow, layout: { addresses } })) items.push(...batch.items);
    expect(flows(items).map(({ source }) => source.workload)).toEqual(['php']);
  });
});

describe('AddressBook', () => {
  it('names addresses by the first entry that holds them, IPv6 too', () => {
    expect(addresses.endOf('fd00:1::9')).toEqual({ kind: 'workload', namespace: 'shop', workload: 'web' });
    expect(addresses.endOf('fe80::1')).toMatchObject({ kind: 'workload', workload: 'fe80::1' });
    expect(addresses.endOf('2001:4860:4860::8888')).toMatchObject({ kind: 'world' });
    expect(addresses.endOf('100.64.0.2')).toMatchObject({ kind: 'workload' });
    expect(addresses.endOf('not an address')).toBeUndefined();
    expect(() => new AddressBook([{ network: '10.0.0.0/40' }])).toThrow(/CIDR/);
  });
});
