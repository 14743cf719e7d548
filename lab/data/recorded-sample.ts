import { gzipSync } from 'node:zlib';
import { contentKey, isBenign, type Trace } from '../../client/events/trace.ts';
import { nameOfCallId } from '../../client/events/vocabulary.ts';
import { partOf, readAll, recordedPath } from './recorded-traces.ts';

/** Of each class and kind: ten traces were enough in every experiment. */
const tracesOfClassMax = 10;
/** Attack contents of these parts of ten may be in the sample; whoever tests on the recorded set leaves them out. */
const attackPartsOfTen = 2;

/** Whether a trace of the recorded set may be in its sample: marked for training, or an attack of the first two parts of ten. */
export function mayBeInSample(trace: Trace): boolean {
  return isBenign(trace) ? trace.split === 'train' : partOf(trace.calls) < attackPartsOfTen;
}

/**
 * The trusted sample that the recorded set gives: of every class up to ten normal traces and ten attacks of distinct content,
 * of its last clusters as far as they have them, never of its test part. A sample of those who take part would prefer
 * their own: federations of the lab begin with the first clusters. A gzipped trace file, the same bytes for the same set. `classes`: of
 * these alone; of all where absent.
 */
export async function recordedSample(classes?: readonly string[], path = recordedPath): Promise<Uint8Array> {
  const counts = new Map<string, number>();
  const seen = new Set<string>();
  const lines: string[] = [];
  for (const trace of lastClustersFirst(await readAll(path))) {
    const { split, service, family, name, calls } = trace;
    const kind = `${service} ${isBenign(trace)}`;
    const content = `${service} ${contentKey(calls)}`;
    const count = counts.get(kind) ?? 0;
    if (!mayBeInSample(trace) || seen.has(content) || count === tracesOfClassMax || calls.length === 0) continue;
    if (classes?.includes(service) === false) continue;
    seen.add(content);
    counts.set(kind, count + 1);
    lines.push(`${split}\tsample\t${service}\t${family}\t${name}\t${Array.from(calls, nameOfCallId).join(' ')}\n`);
  }
  return gzipSync(lines.join(''), { level: 9 });
}

function lastClustersFirst(traces: readonly Trace[]): readonly Trace[] {
  const of = Map.groupBy(traces, ({ cluster = '' }) => cluster);
  return [...of.keys()]
    .sort()
    .reverse()
    .flatMap((cluster) => of.get(cluster) ?? []);
}
