import { hash } from 'node:crypto';
import type { Digest } from '../../proto/ids.ts';
import type { RoundEvent, RoundPhase } from './phase.ts';

/** Of so many eligible clusters an entry of the journal names each; of more, those that were drawn. */
export const eligibleNamesMax = 1_000;

/**
 * What is journalled of an event that led to `phase`. Of a hundred thousand eligible clusters the names would be megabytes an entry:
 * the cohort alone stays, with how many they were and the SHA-256 of their names in order, a line each. A draw of that many among the
 * cohort is the cohort, so that the fold gives the same phase.
 */
export function forJournal(event: RoundEvent, phase: RoundPhase): RoundEvent {
  if (event.kind !== 'counted' || phase.kind !== 'collecting' || event.eligible.length <= eligibleNamesMax)
    return event;
  const names = [...new Set(event.eligible)].sort();
  if (names.length === phase.cohort.length) return event;
  const digest = `sha256:${hash('sha256', `${names.join('\n')}\n`, 'hex')}` as Digest;
  return { ...event, eligible: phase.cohort, drawnFrom: { count: names.length, digest } };
}
