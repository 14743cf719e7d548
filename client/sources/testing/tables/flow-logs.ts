import { AddressBook } from '../../../recordings/address-book.ts';
import { csvFlowFile } from '../../../recordings/csv-flow-file.ts';
import type { ReaderCase, ReaderTable } from '../reader-case.ts';

const addresses = new AddressBook();
const world = { kind: 'world', namespace: '', workload: '' };
const inside = (address: string) => ({ kind: 'workload', namespace: '', workload: address });
const flow = (over: object) => ({ kind: 'flow', flow: over }) as const;
const skipped = (reason: string) => ({ kind: 'skipped', reason }) as const;
const at = (text: string) => Date.parse(text);

const tsv = (...values: readonly string[]) => values.join('\t');
const zeekFields =
  'ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state local_orig local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents'.split(
    ' ',
  );

const zeekTsv: readonly ReaderCase[] = [
  {
    tool: 'Zeek conn.log',
    versions: '3 to 7',
    shape: 'tab-separated, all fields',
    lines: [
      '#separator \\x09',
      tsv('#set_separator', ','),
      tsv('#empty_field', '(empty)'),
      tsv('#unset_field', '-'),
      tsv('#path', 'conn'),
      tsv('#open', '2026-03-03-10-00-00'),
      tsv('#fields', ...zeekFields),
      tsv('#types', 'time', 'string', 'addr'),
      '1772532300.250000\tCHhAvVGS1DHFjwGM9\t10.0.2.9\t51000\t203.0.113.50\t4444\ttcp\t-\t360.500000\t9000000\t120000\tSF\tT\tF\t0\tShADadFf\t9000\t9360000\t8000\t440000\t-',
      '1772532301.000000\tC4J4Th3PJpwUYZZ6gc\t10.0.2.9\t51001\t10.0.1.5\t22\ttcp\t-\t0.001\t0\t0\tREJ\tT\tT\t0\tSr\t1\t60\t1\t40\t-',
      '1772532302.000000\tCtPZjS20MLrsMUOJi2\t10.0.2.9\t51002\t10.0.1.6\t3389\ttcp\t-\t-\t-\t-\tS0\tT\tT\t0\tS\t3\t180\t0\t0\t(empty)',
      '1772532303.000000\tCUM0KZ3MLUfNB0cl11\tfd00::9\t3\tfd00::1\t1\ticmp\t-\t-\t-\t-\tOTH\tT\tT\t0\t-\t1\t64\t0\t0\t-',
      tsv('#close', '2026-03-03-11-00-00'),
    ],
    items: [
      flow({
        atMs: at('2026-03-03T10:05:00.250Z'),
        endMs: at('2026-03-03T10:11:00.750Z'),
        source: inside('10.0.2.9'),
        destination: world,
        destinationPort: 4444,
        protocol: 'tcp',
        verdict: 'forwarded',
        volume: { bytesOut: 9_000_000, bytesIn: 120_000, packetsOut: 9_000, packetsIn: 8_000, durationMs: 360_500 },
        isReply: false,
      }),
      flow({ destination: inside('10.0.1.5'), verdict: 'dropped', verdictReason: 'REJ' }),
      flow({
        destinationPort: 3389,
        verdict: 'unknown',
        verdictReason: 'S0',
        volume: { bytesOut: 180, packetsOut: 3 },
      }),
      flow({ protocol: 'icmp', sourcePort: 0, destinationPort: 0 }),
    ],
  },
  {
    tool: 'Zeek conn.log',
    versions: '3 to 7',
    shape: 'another separator, order and unset field; headers anew within a file; other logs',
    lines: [
      '#separator ,',
      '#set_separator,;',
      '#unset_field,NA',
      '#path,conn',
      '#fields,id.resp_p,id.resp_h,proto,id.orig_h,id.orig_p,duration,ts,resp_bytes,orig_bytes',
      '53,10.0.0.10,udp,10.0.1.5,40000,NA,1772532300.5,200,60',
      '53,10.0.0.10,udp,10.0.1.5,40000,NA,1772532300.5,200',
      '#fields,ts,id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto',
      '1772532301.5,10.0.1.5,40001,10.0.0.10,53,tcp',
      '#path,dns',
      '1772532301.5,10.0.1.5,40001,10.0.0.10,53,tcp',
    ],
    items: [
      flow({ atMs: at('2026-03-03T10:05:00.500Z'), destinationPort: 53, volume: { bytesOut: 60, bytesIn: 200 } }),
      skipped('WRONG_FIELD_COUNT'),
      flow({ atMs: at('2026-03-03T10:05:01.500Z'), protocol: 'tcp', volume: undefined }),
      skipped('IGNORED_EVENT_TYPE'),
    ],
  },
];

const conn = {
  uid: 'C1',
  'id.orig_h': '10.0.1.5',
  'id.orig_p': 40_000,
  'id.resp_h': '10.0.2.9',
  'id.resp_p': 8080,
  proto: 'tcp',
  duration: 61.5,
  orig_bytes: 600,
  resp_bytes: 4_000,
  conn_state: 'SF',
};
const zeekJson: ReaderCase = {
  tool: 'Zeek conn.log',
  versions: '3 to 7',
  shape:
    'JSON; times in seconds, milliseconds and ISO 8601, and those that nobody can have meant; amounts that are none; names as collectors spell them',
  lines: [
    JSON.stringify({ ts: 1_772_532_300.25, ...conn }),
    JSON.stringify({ _path: 'conn', ts: '2026-03-03T10:05:00.250000Z', ...conn, conn_state: 'REJ' }),
    JSON.stringify({
      ts: 1_772_532_300_250,
      id: { orig_h: '10.0.1.5', resp_h: '::1', resp_p: 22 },
      proto: 'tcp',
      orig_pkts: 3,
    }),
    JSON.stringify({
      ts: 1_772_532_300.25,
      id_orig_h: '10.0.1.5',
      id_resp_h: '203.0.113.9',
      conn_state: 'S0',
      proto: 'udp',
    }),
    JSON.stringify({ _path: 'dns', ts: 1_772_532_300.25, 'id.orig_h': '10.0.1.5', 'id.resp_h': '10.0.0.10' }),
    JSON.stringify({ ts: 'noon', ...conn }),
    JSON.stringify({ ts: 0, ...conn }),
    JSON.stringify({ ts: '2999-01-01T00:00:00Z', ...conn }),
    JSON.stringify({ ts: 1_772_532_300.25, ...conn, orig_bytes: 'many' }),
  ],
  items: [
    flow({
      atMs: at('2026-03-03T10:05:00.250Z'),
      endMs: at('2026-03-03T10:06:01.750Z'),
      destination: inside('10.0.2.9'),
      volume: { bytesOut: 600, bytesIn: 4_000, durationMs: 61_500 },
      id: 'C1',
    }),
    flow({ atMs: at('2026-03-03T10:05:00.250Z'), verdict: 'dropped' }),
    flow({ atMs: at('2026-03-03T10:05:00.250Z'), destinationPort: 22, volume: { packetsOut: 3 } }),
    flow({ destination: world, protocol: 'udp', verdict: 'forwarded' }),
    skipped('IGNORED_EVENT_TYPE'),
    skipped('BAD_TIME'),
    skipped('BAD_TIME'),
    skipped('BAD_TIME'),
    skipped('BAD_FIELD'),
  ],
};

const suricata: ReaderCase = {
  tool: 'Suricata eve.json',
  versions: '6 to 8',
  shape: '`flow` and `netflow` among other events',
  lines: [
    JSON.stringify({
      timestamp: '2026-03-03T11:15:00.000000+0100',
      flow_id: 586_497_171_462_735,
      event_type: 'flow',
      src_ip: '10.0.2.9',
      src_port: 51_000,
      dest_ip: '203.0.113.50',
      dest_port: 4444,
      proto: 'TCP',
      flow: {
        pkts_toserver: 9_000,
        pkts_toclient: 8_000,
        bytes_toserver: 9_000_000,
        bytes_toclient: 120_000,
        start: '2026-03-03T11:05:00.250000+0100',
        end: '2026-03-03T11:11:00.750000+0100',
        age: 360,
        state: 'closed',
        reason: 'timeout',
        alerted: false,
      },
    }),
    JSON.stringify({
      timestamp: '2026-03-03T10:15:00.000000+0000',
      flow_id: 7,
      event_type: 'netflow',
      src_ip: '10.0.1.5',
      src_port: 5432,
      dest_ip: '10.0.1.7',
      dest_port: 40_000,
      proto: 'TCP',
      netflow: { pkts: 5, bytes: 4_000, start: '2026-03-03T10:05:00.0Z', end: '2026-03-03T10:05:00.0Z', age: 0 },
    }),
    JSON.stringify({
      timestamp: '2026-03-03T10:15:00.000000+0000',
      event_type: 'flow',
      src_ip: '10.0.1.5',
      dest_ip: 'fd00::2',
      proto: 'IPv6-ICMP',
      flow: { pkts_toserver: 1, bytes_toserver: 64, start: '2026-03-03T10:05:00.0Z', action: 'drop' },
    }),
    JSON.stringify({ timestamp: '2026-03-03T10:15:00.000000+0000', event_type: 'alert', alert: { signature: 'x' } }),
    '{"timestamp":"2026-03-03T10:15',
  ],
  items: [
    flow({
      atMs: at('2026-03-03T10:05:00.250Z'),
      endMs: at('2026-03-03T10:11:00.750Z'),
      source: inside('10.0.2.9'),
      destination: world,
      destinationPort: 4444,
      volume: { bytesOut: 9_000_000, bytesIn: 120_000, packetsOut: 9_000, packetsIn: 8_000, durationMs: 360_500 },
    }),
    flow({ sourcePort: 5432, isReply: undefined, volume: { bytesOut: 4_000, bytesIn: 0 } }),
    flow({ protocol: 'icmp', destinationPort: 0, verdict: 'dropped', verdictReason: 'drop' }),
    skipped('IGNORED_EVENT_TYPE'),
    skipped('MALFORMED_JSON'),
  ],
};

const eni = '123456789010 eni-1235b8ca123456789';
const aws: readonly ReaderCase[] = [
  {
    tool: 'AWS VPC flow logs',
    versions: 'version 2, default format',
    shape: 'with and without header, as exported by CloudWatch, no data and skipped data',
    lines: [
      `2 ${eni} 10.0.1.5 10.0.2.9 40000 8080 6 20 4249 1772532300 1772532359 ACCEPT OK`,
      'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status',
      `2 ${eni} 203.0.113.9 10.0.2.9 49761 3389 6 2 120 1772532300 1772532359 REJECT OK`,
      `2026-03-03T10:07:00.000Z 2 ${eni} 10.0.2.9 10.0.1.5 8080 40000 6 25 9000 1772532300 1772532359 ACCEPT OK`,
      `2 ${eni} - - - - - - - 1772532300 1772532359 - NODATA`,
      `2 ${eni} - - - - - - - 1772532300 1772532359 - SKIPDATA`,
      `2 ${eni} 10.0.1.5 10.0.2.9 40000 8080 6`,
    ],
    items: [
      flow({
        atMs: 1_772_532_300_000,
        endMs: 1_772_532_359_000,
        source: inside('10.0.1.5'),
        destination: inside('10.0.2.9'),
        destinationPort: 8080,
        protocol: 'tcp',
        isReply: undefined,
        verdict: 'forwarded',
        volume: { bytesOut: 4_249, bytesIn: 0, packetsOut: 20, durationMs: 59_000 },
      }),
      flow({ source: world, destinationPort: 3389, verdict: 'dropped', verdictReason: 'REJECT' }),
      flow({ sourcePort: 8080, destinationPort: 40_000 }),
      skipped('NO_DATA'),
      skipped('SENSOR_SKIPPED'),
      skipped('WRONG_FIELD_COUNT'),
    ],
  },
  {
    tool: 'AWS VPC flow logs',
    versions: 'versions 3 to 8, custom formats',
    shape: 'fields by header in any order; original addresses, flags, direction, reason',
    lines: [
      'srcaddr pkt-srcaddr dstaddr pkt-dstaddr dstport srcport tcp-flags flow-direction bytes packets protocol end start action reject-reason log-status',
      '10.0.0.7 10.20.3.4 10.0.2.9 10.20.9.9 5432 41000 2 egress 900 9 6 1772532330 1772532300 ACCEPT - OK',
      '10.0.2.9 10.20.9.9 10.0.0.7 10.20.3.4 41000 5432 18 egress 9000 9 6 1772532330 1772532300 ACCEPT - OK',
      '10.0.0.7 - 198.51.100.1 - 443 41000 2 egress 60 1 6 1772532330 1772532300 REJECT BPA OK',
    ],
    items: [
      flow({ source: inside('10.20.3.4'), destination: inside('10.20.9.9'), isReply: false, seenAt: 'client' }),
      flow({ source: inside('10.20.9.9'), isReply: true, seenAt: 'server', volume: { bytesOut: 9_000 } }),
      flow({ source: inside('10.0.0.7'), destination: world, verdict: 'dropped', verdictReason: 'BPA' }),
    ],
  },
];

const gcpEntry = (payload: object, over: object = {}) =>
  JSON.stringify({
    insertId: 'i1',
    logName: 'projects/p/logs/compute.googleapis.com%2Fvpc_flows',
    jsonPayload: payload,
    ...over,
  });
const gcp: ReaderCase = {
  tool: 'GCP VPC flow logs',
  versions: '2026',
  shape: 'log entries in JSON: addresses, workloads of GKE, and firewall rules',
  lines: [
    gcpEntry({
      connection: { src_ip: '10.0.1.5', src_port: 40_000, dest_ip: '203.0.113.9', dest_port: 443, protocol: 6 },
      bytes_sent: '13820',
      packets_sent: '25',
      start_time: '2026-03-03T10:05:00.123456789Z',
      end_time: '2026-03-03T10:05:04.623456789Z',
      reporter: 'SRC',
    }),
    gcpEntry({
      connection: { src_ip: '10.8.0.4', src_port: 8080, dest_ip: '10.8.1.9', dest_port: 50_123, protocol: 6 },
      bytes_sent: '900',
      packets_sent: '9',
      start_time: '2026-03-03T03:05:00-07:00',
      end_time: '2026-03-03T03:05:00-07:00',
      reporter: 'SRC',
      src_gke_details: {
        cluster: { cluster_name: 'c' },
        pod: {
          pod_name: 'api-5d8c7b9d6f-x2x4z',
          pod_namespace: 'shop',
          pod_workload: { workload_name: 'api', workload_type: 'DEPLOYMENT' },
        },
      },
      dest_gke_details: { pod: { pod_name: 'web-5d8c7b9d6f-x2x4z', pod_namespace: 'shop' } },
    }),
    gcpEntry(
      {
        connection: { src_ip: '198.51.100.7', src_port: 51_000, dest_ip: '10.0.1.5', dest_port: 22, protocol: 6 },
        disposition: 'DENIED',
        rule_details: { direction: 'INGRESS' },
      },
      { timestamp: '2026-03-03T10:05:09Z' },
    ),
    gcpEntry({ message: 'something else' }),
  ],
  items: [
    flow({
      atMs: at('2026-03-03T10:05:00.123Z'),
      endMs: at('2026-03-03T10:05:04.623Z'),
      source: inside('10.0.1.5'),
      destination: world,
      seenAt: 'client',
      volume: { bytesOut: 13_820, packetsOut: 25, durationMs: 4_500 },
    }),
    flow({
      atMs: at('2026-03-03T10:05:00Z'),
      source: { kind: 'workload', namespace: 'shop', workload: 'api' },
      destination: { kind: 'workload', namespace: 'shop', workload: 'web' },
      seenAt: 'server',
    }),
    flow({ atMs: at('2026-03-03T10:05:09Z'), source: world, verdict: 'dropped', isReply: false, volume: undefined }),
    skipped('IGNORED_EVENT_TYPE'),
  ],
};

const nsg = (version: number, ...flowTuples: readonly string[]) => ({
  time: '2026-03-03T10:06:00.0000000Z',
  category: 'NetworkSecurityGroupFlowEvent',
  properties: {
    Version: version,
    flows: [{ rule: 'DefaultRule_DenyAll', flows: [{ mac: '000D3AF87856', flowTuples }] }],
  },
});
const vnet = (...flowTuples: readonly string[]) => ({
  time: '2026-03-03T10:06:00.0000000Z',
  flowLogVersion: 4,
  category: 'FlowLogFlowEvent',
  flowRecords: { flows: [{ aclID: 'a', flowGroups: [{ rule: 'UserRule_block', flowTuples }] }] },
});
const azure: ReaderCase = {
  tool: 'Azure flow logs',
  versions: 'NSG 1 and 2, VNet 4',
  shape: 'a record in each line, or `records` in one; tuples of begin, continuation, end and denial',
  lines: [
    JSON.stringify(
      nsg(1, '1772532300,203.0.113.9,10.0.0.4,35370,3389,T,I,D', '1772532301,10.0.0.4,10.0.0.5,35371,53,U,O,A'),
    ),
    JSON.stringify({
      records: [
        nsg(
          2,
          '1772532300,10.0.0.4,203.0.113.9,44931,443,T,O,A,B,,,,',
          '1772532360,10.0.0.4,203.0.113.9,44931,443,T,O,A,E,25,3200,20,9000',
        ),
        nsg(2, '1772532300,10.0.0.4'),
      ],
    }),
    JSON.stringify(
      vnet(
        '1772532300250,10.0.0.6,203.0.113.9,23956,443,6,O,B,NX,0,0,0,0',
        '1772532600250,10.0.0.6,203.0.113.9,23956,443,6,O,C,NX,767,580096,500,40000',
        '1772532601250,198.51.100.7,10.0.0.6,50000,22,6,I,D,NX,0,0,0,0',
      ),
    ),
  ],
  items: [
    flow({
      atMs: 1_772_532_300_000,
      source: world,
      destination: inside('10.0.0.4'),
      verdict: 'dropped',
      seenAt: 'server',
    }),
    flow({ protocol: 'udp', destinationPort: 53, verdict: 'forwarded', seenAt: 'client', count: 1, volume: undefined }),
    flow({ destination: world, count: 1, volume: undefined }),
    flow({ count: 0, volume: { packetsOut: 25, bytesOut: 3_200, packetsIn: 20, bytesIn: 9_000 } }),
    skipped('WRONG_FIELD_COUNT'),
    flow({ atMs: 1_772_532_300_250, destination: world, protocol: 'tcp', count: 1 }),
    flow({ count: 0, volume: { bytesOut: 580_096, bytesIn: 40_000 } }),
    flow({ verdict: 'dropped', verdictReason: 'UserRule_block', seenAt: 'server' }),
  ],
};

const azureBlob: ReaderCase = {
  tool: 'Azure flow logs',
  versions: 'NSG 2, VNet 4',
  shape: "a blob's JSON over many lines",
  lines: [
    ...JSON.stringify(
      { records: [vnet('1772532300250,10.0.0.6,10.0.0.7,23956,443,6,O,B,NX,0,0,0,0'), nsg(2)] },
      undefined,
      2,
    ).split('\n'),
  ],
  items: [flow({ atMs: 1_772_532_300_250, destination: inside('10.0.0.7') }), skipped('NO_DATA')],
};
const gcpList: ReaderCase = {
  tool: 'GCP VPC flow logs',
  versions: '2026',
  shape: '`gcloud logging read --format=json`: a list over many lines',
  lines: JSON.stringify([JSON.parse(gcp.lines[0] as string), { jsonPayload: {} }], undefined, 2).split('\n'),
  items: [flow({ destination: world, seenAt: 'client' }), skipped('IGNORED_EVENT_TYPE')],
};

const nfdump: readonly ReaderCase[] = [
  {
    tool: 'nfdump -o csv',
    versions: '1.6 to 1.7.3',
    shape: 'ts, te, td, sa, da, …, with its summary at the end',
    lines: [
      'ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out',
      '2026-03-03 10:05:00,2026-03-03 10:11:00,360.250,10.0.2.9,203.0.113.50,51000,4444,TCP,...AP.SF,64,0,9000,9000000,0,0,1,2',
      '2026-03-03 10:05:00,2026-03-03 10:05:03,3.000,10.0.1.5,10.0.2.9,443,10693,UDP,........,66,24,9,11214,7,800,0,435',
      '2026-03-03 10:05:00,2026-03-03 10:05:00,0.000,10.0.1.5,10.0.2.9,0,3.1,ICMP,........,130,0,1,64,0,0,0,0',
      'Summary',
    ],
    items: [
      flow({
        atMs: at('2026-03-03T10:05:00Z'),
        endMs: at('2026-03-03T10:11:00.250Z'),
        source: inside('10.0.2.9'),
        destination: world,
        destinationPort: 4444,
        isReply: undefined,
        volume: { bytesOut: 9_000_000, packetsOut: 9_000, bytesIn: 0, durationMs: 360_250 },
      }),
      flow({ protocol: 'udp', isReply: false, volume: { bytesOut: 11_214, bytesIn: 800, packetsIn: 7 } }),
      flow({ protocol: 'icmp', destinationPort: 0, verdict: 'dropped', verdictReason: 'FORWARDING_STATUS_130' }),
      skipped('WRONG_FIELD_COUNT'),
    ],
  },
  {
    tool: 'nfdump -o csv',
    versions: '1.7.4 and later',
    shape: 'firstSeen, duration, proto, …, and what `csv:` adds or leaves out',
    lines: [
      'firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,bps,bpp,flows',
      '2026-03-03 10:05:00.250,00:06:00.500,TCP,10.0.2.9,51000,203.0.113.50,4444,9000,9000000,200000,1000,1',
      '2026-03-03 10:05:00.250,3.500,UDP,10.0.1.5,40000,fd00::53,53,9,900,1,100,12',
      '1772532300.250,0.000,TCP,10.0.1.5,40000,10.0.2.9,x,9,900,1,100,1',
      '1772532300.250,0.000,TCP,10.0.1.5,40000,10.0.2.9,22,9,1.2 M,1,100,1',
      '0.250,0.000,TCP,10.0.1.5,40000,10.0.2.9,22,9,900,1,100,1',
    ],
    items: [
      flow({
        atMs: at('2026-03-03T10:05:00.250Z'),
        endMs: at('2026-03-03T10:11:00.750Z'),
        destination: world,
        count: 1,
        volume: { bytesOut: 9_000_000, packetsOut: 9_000, durationMs: 360_500 },
      }),
      flow({ destination: inside('fd00::53'), protocol: 'udp', count: 12 }),
      skipped('BAD_FIELD'),
      skipped('BAD_FIELD'),
      skipped('BAD_TIME'),
    ],
  },
  {
    tool: 'nfdump -o csv-fast',
    versions: '1.7.4 and later',
    shape: 'times in milliseconds, protocols by number',
    lines: [
      'cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,srcAS,dstAS,input,output,flags,srcTos,packets,bytes',
      '1,2,1772532300250,1772532660750,6,10.0.2.9,51000,203.0.113.50,4444,0,0,1,2,...AP.SF,0,9000,9000000',
    ],
    items: [
      flow({ atMs: 1_772_532_300_250, endMs: 1_772_532_660_750, protocol: 'tcp', volume: { bytesOut: 9_000_000 } }),
    ],
  },
];

const common = {
  source: 'flowLog',
  open: (path: string, follow: Parameters<ReaderTable['open']>[1]) =>
    csvFlowFile(path, { follow, layout: { addresses } }),
} as const;

export const flowLogLines: ReaderTable = {
  ...common,
  title: 'Flow logs, a record a line',
  format: 'json',
  notes: [
    'The first line that tells says which tool wrote the file; all of them are read by `flowLog`, `flowCsv`, ' +
      '`flowRecording` and `testudo score --track flow`, plain or gzip.',
    'A connection counts where it ended. Suricata: log `flow` or `netflow`, not both, or everything counts twice.',
    'Zeek: `REJ` is blocked. `S0`, `SH` and `RSTOS0` of TCP have the verdict `unknown`: nobody answered, for whatever reason.',
    'Azure: a connection counts when it begins; continuation and end add their amounts.',
    'AWS, GCP and nfdump tell of one direction: flags say which, else the better known port is the server.',
  ],
  cases: [zeekJson, suricata, gcp, azure],
  itemsOfLine: 'some',
};

export const flowLogTables: ReaderTable = {
  ...common,
  title: 'Flow logs with headers',
  format: 'text',
  notes: ["nfdump's times are local ones of the machine that ran it; they are taken as UTC: run it with `TZ=UTC`."],
  cases: [...zeekTsv, ...aws, ...nfdump],
  itemsOfLine: 'records',
};

export const flowLogDocuments: ReaderTable = {
  ...common,
  title: 'Flow logs, one JSON document',
  format: 'json',
  notes: [
    'A blob without line ends is read by `flowRecording` and the offline commands; a followed file needs lines of at most 1 MiB.',
  ],
  cases: [azureBlob, gcpList],
  itemsOfLine: 'records',
};
