import { z } from 'zod';
import type { IntrusionLabel, SkipReason, SourceBatch, SourceItem } from '../events/source-item.ts';
import type { FilePosition, FollowOptions } from '../recordings/file-follower.ts';
import { itemsOfLines } from '../recordings/line-items.ts';

const text = z.string().catch('');
const alert = z.object({
  rule: z.string().min(1),
  priority: text,
  output: text,
  time: text,
  output_fields: z.record(z.string(), z.unknown()).catch({}),
});

/** One line of Falco's JSON output. */
export function readFalcoAlert(line: string): IntrusionLabel | SkipReason {
  let candidate: unknown;
  try {
    candidate = JSON.parse(line);
  } catch {
    return 'MALFORMED_JSON';
  }
  const parsed = alert.safeParse(candidate);
  if (!parsed.success)
    return typeof candidate === 'object' && candidate !== null ? 'INCOMPLETE_EVENT' : 'NOT_AN_OBJECT';
  const { rule, priority, output, time, output_fields: fields } = parsed.data;
  // Falco's own statistics are no alert about anybody.
  if (rule.startsWith('Falco internal:')) return 'IGNORED_EVENT_TYPE';
  const field = (name: string) => (typeof fields[name] === 'string' ? (fields[name] as string) : '');
  return {
    rule,
    priority,
    text: output,
    atMs: timeOf(time, fields['evt.time']),
    namespace: field('k8s.ns.name') || field('ka.target.namespace'),
    pod: field('k8s.pod.name') || (field('ka.target.resource') === 'pods' ? field('ka.target.name') : ''),
    container: field('container.id'),
  };
}

/** Falco's alerts as they are written to a file. */
export async function* falcoFile(path: string, options: FollowOptions): AsyncGenerator<SourceBatch<FilePosition>> {
  yield* itemsOfLines(path, options, (text, where): SourceItem => {
    const read = readFalcoAlert(text);
    return typeof read === 'string' ? { kind: 'skipped', reason: read, where } : { kind: 'label', label: read };
  });
}

/** ISO text where it is one; otherwise evt.time, whose unit (ns, µs, ms) differs between outputs: by its size. */
function timeOf(iso: string, evtTime: unknown): number {
  const parsed = Date.parse(iso);
  if (!Number.isNaN(parsed)) return parsed;
  if (typeof evtTime !== 'number' || !(evtTime > 0)) return 0;
  return Math.floor(evtTime / 1_000 ** Math.max(0, Math.floor((Math.log10(evtTime) - 11) / 3)));
}
