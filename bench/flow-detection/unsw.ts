import { rows } from './topologies.ts';

export type FeatureSet = Readonly<{
  columns: readonly string[];
  width: number;
  /** Shape [n, width]. */
  learnt: Float32Array;
  /** Which simulated service each learnt row is of: what clusters are dealt by. */
  learntGroups: readonly string[];
  validation: Readonly<{ benign: Float32Array; hostile: Float32Array }>;
  test: Readonly<{ benign: Float32Array; hostile: Float32Array; families: readonly string[] }>;
}>;

/** Nearly give the label away (see the README of ../shared/data): left out unless asked for. */
const telling = ['sttl', 'dttl', 'ct_state_ttl'];
const notFeatures = ['id', 'attack_cat', 'label', 'proto', 'service', 'state'];
const categories: Readonly<Record<string, readonly string[]>> = {
  proto: ['tcp', 'udp', 'icmp', 'arp', 'ospf'],
  service: ['-', 'dns', 'http', 'ftp', 'ftp-data', 'smtp', 'ssh', 'pop3'],
  state: ['FIN', 'CON', 'INT', 'REQ', 'RST'],
};

/** UNSW-NB15 features, split by content: the same row is in one part only. Undefined where the set is not there. */
export function unswFeatures({ withTelling = false } = {}): FeatureSet | undefined {
  const file = 'flows/unsw_nb15_features.csv.gz';
  const all = rows(file);
  if (all.length === 0) return undefined;
  const numeric = Object.keys(all[0] ?? {}).filter(
    (name) => !notFeatures.includes(name) && (withTelling || !telling.includes(name)),
  );
  const flags = Object.entries(categories).flatMap(([name, values]) => values.map((value) => [name, value] as const));
  const columns = [...numeric, ...flags.map(([name, value]) => `${name}=${value}`)];
  const parts: Record<string, number[]> = { learnt: [], vb: [], vh: [], tb: [], th: [] };
  const groups: string[] = [];
  const families: string[] = [];
  const seen = new Set<string>();
  for (const row of all) {
    const values = [
      ...numeric.map((name) => Number(row[name])),
      ...flags.map(([name, value]) => (row[name] === value ? 1 : 0)),
    ];
    const content = values.join(' ');
    if (seen.has(content)) continue;
    seen.add(content);
    const part = hashOf(content) % 10;
    const hostile = row.label === '1';
    if (!hostile && part < 6) groups.push(`${row.proto}/${row.service}`);
    if (hostile && part >= 4) families.push(row.attack_cat ?? '');
    const name = hostile ? (part < 4 ? 'vh' : 'th') : part < 6 ? 'learnt' : part < 8 ? 'vb' : 'tb';
    for (const value of values) (parts[name] as number[]).push(value);
  }
  const matrix = (name: string) => Float32Array.from(parts[name] as number[]);
  return {
    columns,
    width: columns.length,
    learnt: matrix('learnt'),
    learntGroups: groups,
    validation: { benign: matrix('vb'), hostile: matrix('vh') },
    test: { benign: matrix('tb'), hostile: matrix('th'), families },
  };
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
