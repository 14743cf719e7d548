import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../../base/atomic-file.ts';
import { canonicalJson } from '../../../base/canonical-json.ts';
import { type Breaker, closedBreaker } from '../ladder/breaker.ts';
import type { Spent } from '../ladder/budget.ts';
import type { ReportedBreaker } from './teller.ts';

/** A quarantine that was begun: its evidence is on disk, its budget is spent. */
export type Begun = Readonly<{ uid: string; atMs: number; evidence: string; alerts: readonly string[] }>;

/** What survives the agent: written before anything that rests on it is done. */
export type Memory = Readonly<{
  spent: readonly Spent[];
  breaker: Breaker;
  begun: readonly Begun[];
  /** The breaker that the coordinator knows to be open; null for none. */
  reported?: ReportedBreaker | null | undefined;
}>;

const emptyMemory: Memory = { spent: [], breaker: closedBreaker, begun: [] };

const text = z.string().max(1_000);
const time = z.number().min(0);
const version = { track: text, version: z.number(), atMs: time };
const counts = z.strictObject({ flaggedPods: time, pods: time, workloads: time, withinMs: time });
const shape = z.strictObject({
  format: z.literal('testudo/response-memory/1'),
  spent: z.array(z.strictObject({ uid: text, atMs: time, namespace: text, workload: text })),
  breaker: z.strictObject({
    swaps: z.array(z.strictObject(version)),
    open: z.strictObject({ ...version, why: text, counts: counts.optional() }).nullable(),
    resumedAtMs: time,
  }),
  begun: z.array(z.strictObject({ uid: text, atMs: time, evidence: text, alerts: z.array(text) })),
  reported: z.strictObject({ track: text, version: z.number() }).nullish(),
});

export async function saveMemory(path: string, memory: Memory): Promise<void> {
  await writeFileAtomic(path, canonicalJson({ format: 'testudo/response-memory/1', ...memory }));
}

/**
 * What was saved; empty where nothing ever was. Rejects on what cannot be read: to go on with nothing would forget what was
 * spent today, and a breaker that is open.
 */
export async function loadMemory(path: string): Promise<Memory> {
  let read: string;
  try {
    read = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return emptyMemory;
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(read);
  } catch {
    value = undefined;
  }
  const parsed = shape.safeParse(value);
  if (!parsed.success) {
    throw new Error(`${path}: not as it was written; what was spent today is unknown. Move it away to begin anew`);
  }
  const { format: _, ...memory } = parsed.data;
  return memory;
}
