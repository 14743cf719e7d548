/** Rotation logs for tests and benchmarks, of pods that all begin at one moment and are rotated as is said. */
import type { LastingCode } from '../../posture/exposure.ts';
import { dueAtMs } from '../rotation/due.ts';
import { epochKey, epochOf, lifetimeAt, unitOf } from '../rotation/lifetimes.ts';
import type { Said } from '../rotation/record.ts';
import { nothingRecorded, recordLook } from '../rotation/recorder.ts';
import { headText, LogWriter, logKeyOf } from '../rotation/rotation-log.ts';
import { madeAtMs, madeFacts, madePod } from './made-facts.ts';

export const logSecret = Buffer.alloc(32, 9);
export const logKey = logKeyOf(logSecret);
const hourMs = 3_600_000;
export const logLaw = { boundMs: hourMs / 4, meanMs: hourMs / 8 };
const weights = { riskWeight: 20, postureWeight: 1 };
export const logOpened: Said = { kind: 'opened', law: logLaw, epochMs: 24 * hourMs, ...weights };

/** When a pod of these logs is due, in milliseconds since 1970. */
export function madeDueMs(uid: string, exposedBy: readonly LastingCode[] = []): number {
  const key = epochKey(logSecret, epochOf(madeAtMs, 24 * hourMs));
  return dueAtMs(madeAtMs, lifetimeAt(unitOf(key, uid), logLaw), { steps: [], exposedBy }, weights);
}

/**
 * A log of so many pods, p0 and on, all rotated when they are due; `change` may move, in milliseconds since 1970, or leave out what is
 * said of one. `head`: what a head file says of its end.
 */
export function madeLog(
  count: number,
  change: (uid: string, dueMs: number) => number | null = (_uid, dueMs) => dueMs,
  exposedBy: readonly LastingCode[] = [],
): Readonly<{ lines: readonly string[]; head: string }> {
  const keys = { secret: logSecret, epochMs: 24 * hourMs, law: logLaw };
  const pods = Array.from({ length: count }, (_, at) => madePod(`p${at}`, { exposedBy }));
  const facts = madeFacts({ pods });
  const nothing = { begins: [], waits: [] };
  const { said, recorded } = recordLook(nothingRecorded, facts, nothing, keys, madeAtMs);
  const events: { atMs: number; said: Said }[] = [logOpened, ...said].map((one) => ({ atMs: madeAtMs, said: one }));
  for (const { uid } of pods) {
    const atMs = change(uid, madeDueMs(uid, exposedBy));
    if (atMs !== null) events.push({ atMs, said: { kind: 'begins', uid, does: 'release' } });
  }
  for (let atMs = madeAtMs + 200_000; atMs < madeAtMs + hourMs / 2; atMs += 200_000)
    events.push({ atMs, said: { kind: 'alive' } });
  events.sort((a, b) => a.atMs - b.atMs);
  const endMs = madeAtMs + 26 * hourMs;
  const reveals = recordLook(recorded, facts, nothing, keys, endMs).said.filter(({ kind }) => kind === 'reveal');
  const writer = new LogWriter(logKey);
  const lines = [
    ...events,
    { atMs: endMs, said: logOpened },
    ...reveals.map((one) => ({ atMs: endMs, said: one })),
  ].map((one) => writer.write(one.said, one.atMs));
  return { lines, head: headText(writer.end) };
}
