import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../../base/atomic-file.ts';
import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { newerMember } from '../../../base/text/newer-member.ts';
import { type Breaker, closedBreaker, flaggedMax, joinedSwaps } from '../ladder/breaker.ts';
import type { Spent } from '../ladder/budget.ts';
import type { ReportedBreaker } from './teller.ts';

/** A quarantine that was begun: its evidence is on disk, its budget is spent. */
export type Begun = Readonly<{ uid: string; atMs: number; evidence: string; alerts: readonly string[] }>;

/** What survives the agent: written before anything that rests on it is done. */
export type Memory = Readonly<{
  spent: readonly Spent[];
  breaker: Breaker;
  begun: readonly Begun[];
  /** The breaker that the coordinator knows to be open, or may know and is to be told that it is closed; null for none. */
  reported?: ReportedBreaker | null | undefined;
}>;

const emptyMemory: Memory = { spent: [], breaker: closedBreaker, begun: [] };

const text = z.string().max(1_000);
const time = z.number().min(0);
const version = { track: text, version: z.number(), atMs: time };
const flagged = z.strictObject({ atMs: time, workload: z.string().max(64), pod: z.string().max(64) });
const counts = z.strictObject({ flaggedPods: time, pods: time, workloads: time, withinMs: time });
const shape = z.strictObject({
  format: z.literal('testudo/response-memory/1'),
  spent: z.array(z.strictObject({ uid: text, atMs: time, namespace: text, workload: text })),
  breaker: z.strictObject({
    swaps: z.array(z.strictObject({ ...version, flagged: z.array(flagged).max(flaggedMax).optional() })),
    open: z.strictObject({ ...version, why: text, counts: counts.optional() }).nullable(),
    resumedAtMs: time,
  }),
  begun: z.array(z.strictObject({ uid: text, atMs: time, evidence: text, alerts: z.array(text) })),
  reported: z.strictObject({ track: text, version: z.number() }).nullish(),
});

/** What a new leader must know of what others did: budgets that are spent, a breaker that is open. */
export type SharedMemory = Pick<Memory, 'spent' | 'breaker' | 'reported'>;

const sharedShape = z.strictObject({
  ...{ format: z.literal('testudo/response-shared/1'), spent: shape.shape.spent },
  ...{ breaker: shape.shape.breaker, reported: shape.shape.reported },
});
/** All annotations of an object have 256 KiB together. */
const sharedCharactersMax = 200_000;

/** As it stands on the lease. Throws where there is too much of it: to leave something out would give budgets back. */
export function sharedText(memory: SharedMemory): string {
  const text = textOf(memory);
  if (text.length <= sharedCharactersMax) return text;
  throw new RangeError(
    `the quarantines of a day do not fit on the lease: ${memory.spent.length}; sign smaller budgets`,
  );
}

/** Whether the next leader would find all of it on the lease. `seen`: what stands there; undefined for nothing. */
export function isShared(memory: SharedMemory, seen: string | undefined): boolean {
  return textOf(memory) === (seen ?? textOf(emptyMemory));
}

function textOf({ spent, breaker, reported }: SharedMemory): string {
  return canonicalJson({
    format: 'testudo/response-shared/1',
    spent,
    breaker,
    reported: reported ?? null,
  } as JsonValue);
}

/** Throws on what no agent wrote: to go on without it would forget what was spent today. */
export function sharedIn(text: string): SharedMemory {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = sharedShape.safeParse(value);
  if (parsed.success) return parsed.data;
  const newer = newerMember(parsed.error);
  const why =
    newer === undefined
      ? 'is not as an agent writes it'
      : `has ${newer} of an agent of a newer build: upgrade this one`;
  throw new Error(`what stands on the lease ${why}, and what was spent today is unknown`);
}

/**
 * What is true where either of them says so: spent is spent, by whomever, and a breaker that somebody opened is open until somebody
 * resumed after it. In any order, any number of times, the same.
 */
export function joined(own: Memory, shared: SharedMemory | undefined): Memory {
  if (shared === undefined) return own;
  const uids = new Set(own.spent.map(({ uid }) => uid));
  const resumedAtMs = Math.max(own.breaker.resumedAtMs, shared.breaker.resumedAtMs);
  const opens = [own.breaker.open, shared.breaker.open].filter((open) => open !== null && open.atMs > resumedAtMs);
  const swaps = joinedSwaps(own.breaker.swaps, shared.breaker.swaps, resumedAtMs);
  return {
    ...own,
    spent: [...own.spent, ...shared.spent.filter(({ uid }) => !uids.has(uid))],
    breaker: { swaps, open: opens[0] ?? null, resumedAtMs },
    reported: own.reported === undefined ? shared.reported : own.reported,
  };
}

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
    const newer = newerMember(parsed.error);
    const why =
      newer === undefined
        ? 'not as it was written; what was spent today is unknown. Move it away to begin anew'
        : `has ${newer}, which this build does not know: start the build that wrote it, or a newer one`;
    throw new Error(`${path}: ${why}`);
  }
  const { format: _, ...memory } = parsed.data;
  return memory;
}
