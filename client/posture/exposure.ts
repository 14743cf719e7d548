/**
 * How much a pod gives to whoever gets into it, as one number. It is made of those findings alone that follow from what no
 * update of a pod can change: the same pod has the same exposure in every agent, after every restart and in every log.
 */
import { podFindings } from './pod-findings.ts';
import { readSpec } from './read.ts';
import { postureRules } from './rules.ts';

/** Findings that last as long as their pod: an image and limits can be changed in place, policies come and go. */
export const lastingCodes = [
  'PRIVILEGED',
  'HOST_PATH',
  'HOST_PID',
  'HOST_NETWORK',
  'HOST_IPC',
  'CAPABILITY_ADDED',
  'RUNS_AS_ROOT',
  'ESCALATION',
  'TOKEN_MOUNTED',
  'WRITABLE_ROOT',
] as const;
export type LastingCode = (typeof lastingCodes)[number];

/** Of so many points of weight, and of more, the exposure is 1. */
const pointsMost = 12;

/** From 0, nothing found, to 1: a twelfth for each point of weight of each finding, whichever containers it is of. */
export function exposureOf(codes: readonly LastingCode[]): number {
  const points = [...new Set(codes)].reduce((sum, code) => sum + postureRules[code].weight, 0);
  return Math.min(1, points / pointsMost);
}

/** What lasting findings a pod has, each once and in the order of `lastingCodes`; none where the spec is no pod's. */
export function lastingFindings(spec: unknown): readonly LastingCode[] {
  const read = readSpec(spec);
  if (read === undefined) return noFindings;
  const found = new Set<string>(podFindings(read).map(([code]) => code));
  const codes = lastingCodes.filter((code) => found.has(code));
  const key = codes.join();
  const same = known.get(key) ?? codes;
  known.set(key, same);
  return same;
}

/** Pods are many, and what is found in them is often the same: one list for all of them, of at most two to the tenth. */
const known = new Map<string, readonly LastingCode[]>();
const noFindings: readonly LastingCode[] = [];
