import { existsSync } from 'node:fs';
import { contentKey, isBenign, type Trace } from '../../client/events/trace.ts';
import type { Abi } from '../../client/events/vocabulary.ts';
import { readTraceFile } from '../../client/recordings/trace-file.ts';
import { areaUnderRoc } from '../../client/tracks/metrics.ts';

/** The set that ships with the product. */
export const recordedPath = new URL('../../data/recorded/syscalls.tsv.gz', import.meta.url).pathname;

/** A public set that may not be shipped; undefined where it is not beside the checkout. */
export function sharedPath(name: string): string | undefined {
  const path = new URL(`../../../shared/data/syscalls/${name}`, import.meta.url).pathname;
  return existsSync(path) ? path : undefined;
}

export async function readAll(path: string, abi: Abi = 'x86_64'): Promise<Trace[]> {
  const traces: Trace[] = [];
  for await (const item of readTraceFile(path, { abi })) {
    if (item.kind !== 'trace') throw new Error(`${path}: ${item.fault.message}`);
    traces.push(item.trace);
  }
  return traces;
}

/** Which part of ten a content belongs to: the same content is always in the same part. */
export function partOf(calls: Uint16Array): number {
  let hash = 0x811c9dc5;
  for (const unit of contentKey(calls)) hash = Math.imul(hash ^ unit.charCodeAt(0), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % 10;
}

/** AUC of unseen traces, drift left out. */
export function aucOf(traces: readonly Trace[], scores: ArrayLike<number>): number {
  const pick = (wanted: (trace: Trace) => boolean) =>
    Array.from(scores).filter((_, index) => wanted(traces[index] as Trace));
  return areaUnderRoc(
    pick((trace) => isBenign(trace) && trace.family !== 'drift'),
    pick((trace) => !isBenign(trace)),
  );
}

/** The floor: share of a trace's grams of six that no training trace of its service (and cluster) holds. */
export function stideScores(
  training: readonly Trace[],
  traces: readonly Trace[],
  key: (trace: Trace) => string,
): number[] {
  const known = new Map<string, Set<string>>();
  for (const trace of training) {
    const own = known.get(key(trace)) ?? new Set();
    known.set(key(trace), own);
    for (const gram of gramsOf(trace.calls)) own.add(gram);
  }
  return traces.map((trace) => {
    let [unseen, all] = [0, 0];
    for (const gram of gramsOf(trace.calls)) {
      all++;
      if (!known.get(key(trace))?.has(gram)) unseen++;
    }
    return all === 0 ? 0 : unseen / all;
  });
}

function* gramsOf(calls: Uint16Array): Generator<string> {
  for (let end = 6; end <= calls.length; end++) yield String.fromCharCode(...calls.subarray(end - 6, end));
}
