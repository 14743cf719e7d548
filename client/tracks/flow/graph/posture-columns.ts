import { lastingCodes } from '../../../posture/exposure.ts';
import type { WorkloadSignals } from './slice.ts';

/**
 * Columns of `Slice.posture`: whether anybody knew the node's pods, then each lasting finding of their specs. It stands beside a
 * slice's other features, so that layouts of slices without it are what they were.
 */
export const postureNames: readonly string[] = ['posture:given', ...lastingCodes.map((code) => `posture:${code}`)];

const P = postureNames.length;

/** Shape [n, P] of 0 and 1; undefined where nothing is known of any node. */
export function postureOf(signals: readonly (WorkloadSignals | undefined)[]): Float32Array | undefined {
  if (signals.every((one) => one?.exposedBy === undefined)) return undefined;
  const values = new Float32Array(signals.length * P);
  for (const [node, one] of signals.entries()) {
    if (one?.exposedBy === undefined) continue;
    values[node * P] = 1;
    for (const code of one.exposedBy) values[node * P + 1 + lastingCodes.indexOf(code)] = 1;
  }
  return values;
}

/** As it is kept in JSON: of each node the places of what it has, null where nothing is known. */
export function postureRecord(posture: Float32Array): (readonly number[] | null)[] {
  return Array.from({ length: posture.length / P }, (_, node) => {
    const own = posture.subarray(node * P, (node + 1) * P);
    return own[0] === 1 ? [...lastingCodes.keys()].filter((at) => own[1 + at] === 1) : null;
  });
}

/** What `postureRecord` wrote of so many nodes; undefined for anything else. */
export function postureIn(record: unknown, nodeCount: number): Float32Array | undefined {
  if (!Array.isArray(record) || record.length !== nodeCount) return undefined;
  const values = new Float32Array(nodeCount * P);
  for (const [node, own] of record.entries()) {
    if (own === null) continue;
    if (!Array.isArray(own)) return undefined;
    values[node * P] = 1;
    for (const at of own) {
      if (!(Number.isInteger(at) && at >= 0 && at < lastingCodes.length)) return undefined;
      values[node * P + 1 + at] = 1;
    }
  }
  return values;
}
