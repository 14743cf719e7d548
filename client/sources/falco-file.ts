import { isoTimeMs } from '../../base/text/iso-time.ts';
import { jsonNumberOf } from '../../base/text/number.ts';
import { isPlausibleTime } from '../events/plausible-time.ts';
import type { IntrusionLabel, SkipReason, SourceBatch, SourceItem } from '../events/source-item.ts';
import type { FilePosition, FollowOptions } from '../recordings/file-follower.ts';
import { itemsOfLines } from '../recordings/line-items.ts';
import { isFields, parseJsonObject } from './json-line.ts';

/** Falco says that the kernel's events came faster than it read them. */
export type FalcoDrops = Readonly<{ dropped: number; atMs: number }>;

/** One line of Falco's JSON output, or of what hands it on (falcosidekick, the exporter). */
export function readFalcoAlert(line: string): IntrusionLabel | FalcoDrops | SkipReason {
  const record = parseJsonObject(line);
  if (typeof record === 'string') return record;
  const { rule, time } = record;
  if (typeof rule !== 'string' || rule === '') return 'INCOMPLETE_EVENT';
  const priority = typeof record.priority === 'string' ? record.priority : '';
  const fields = isFields(record.output_fields) ? record.output_fields : {};
  const atMs = firstTime([time, ...timeFields.map((name) => fields[name])]);
  if (rule === 'Falco internal: syscall event drop') return dropsOf(fields.n_drops, atMs);
  // Falco's own statistics are no alert about anybody.
  if (rule.startsWith('Falco internal:')) return 'IGNORED_EVENT_TYPE';
  const field = (...names: readonly string[]) =>
    names.map((name) => known(fields[name])).find((value) => value !== '') ?? '';
  const isOfPods = fields['ka.target.resource'] === 'pods';
  return {
    rule,
    priority: priorities.get(priority.toLowerCase()) ?? priority,
    text: typeof record.output === 'string' ? record.output : '',
    atMs,
    namespace: field('k8s.ns.name', 'k8smeta.ns.name', 'ka.target.namespace'),
    // Who creates a pod does not name it in the request where the server makes up its name.
    pod: field('k8s.pod.name', 'k8smeta.pod.name', ...(isOfPods ? ['ka.target.name', 'ka.resp.name'] : [])),
    container: containerOf(field('container.full_id'), field('container.id')),
  };
}

/** Falco's alerts as they are written to a file. */
export async function* falcoFile(path: string, options: FollowOptions): AsyncGenerator<SourceBatch<FilePosition>> {
  yield* itemsOfLines(path, options, (text, where): SourceItem => {
    const read = readFalcoAlert(text);
    if (typeof read === 'string') return { kind: 'skipped', reason: read, where };
    return 'dropped' in read ? { kind: 'lost', count: read.dropped } : { kind: 'label', label: read };
  });
}

/** Falco's spelling of its priorities, by the spellings of its configuration, its outputs and syslog. */
const priorities: ReadonlyMap<string, string> = new Map([
  ...['Emergency', 'Alert', 'Critical', 'Error', 'Warning', 'Notice', 'Informational', 'Debug'].map(
    (name) => [name.toLowerCase(), name] as const,
  ),
  ['emerg', 'Emergency'],
  ['crit', 'Critical'],
  ['err', 'Error'],
  ['warn', 'Warning'],
  ['info', 'Informational'],
]);

/** Falco writes null or "<NA>" for what it does not know. */
function known(value: unknown): string {
  return typeof value === 'string' && value !== '<NA>' && value !== 'N/A' ? value : '';
}

/** The longer id, in hexadecimal: "containerd://97c9…" is "97c9…", and "host" is no container. */
function containerOf(full: string, short: string): string {
  const id = full === '' ? short : full;
  const bare = id.slice(id.lastIndexOf('/') + 1);
  return /^[0-9a-f]{12,64}$/i.test(bare) ? bare.toLowerCase() : '';
}

function dropsOf(value: unknown, atMs: number): FalcoDrops | SkipReason {
  const dropped = jsonNumberOf(value);
  return Number.isSafeInteger(dropped) && dropped >= 0 ? { dropped, atMs } : 'BAD_FIELD';
}

/** Where else the time stands, if the line itself has none that can be read. */
const timeFields = ['evt.time.iso8601', 'evt.time', 'evt.rawtime', 'jevt.time.iso8601', 'jevt.rawtime'];

/** The first of these that can be meant as a time: ISO text, or a number whose unit (ns, µs, ms, s) differs between outputs: by its size. */
function firstTime(candidates: readonly unknown[]): number {
  for (const candidate of candidates) {
    const digits = typeof candidate === 'string' && /^\d{9,20}$/.test(candidate);
    if (typeof candidate === 'number' || digits) {
      const atMs = msOf(Number(candidate));
      if (isPlausibleTime(atMs)) return atMs;
    } else if (typeof candidate === 'string') {
      const parsed = isoTimeMs(candidate, { zoneless: 'utc' });
      if (isPlausibleTime(parsed)) return parsed;
    }
  }
  return 0;
}

/** Times after 2001 have 10 digits in seconds, and three more with each unit. */
function msOf(time: number): number {
  if (!(time >= 1e9 && time < 1e20)) return 0;
  return Math.floor(time / 1_000 ** (Math.floor((Math.log10(time) - 9) / 3) - 1));
}
