import { hash } from 'node:crypto';
import { expect, it } from 'vitest';
import type { ClusterId } from '../../proto/ids.ts';
import { baseDigest, olderDigests } from './arbitraries.ts';
import { eligibleNamesMax, forJournal } from './eligible.ts';
import type { RoundEvent, RoundPhase } from './phase.ts';
import type { RoundRules } from './rules.ts';
import { step } from './step.ts';

const rules: RoundRules = {
  ...{
    goal: { kind: 'count', updates: 50 },
    overSelection: 1.3,
    quorum: { kind: 'share', ofCohort: 0.5 },
    updatesMin: 3,
  },
  ...{ recruitForMs: 100, collectForMs: 1_000, aggregateForMs: 500, closesAtGoal: true, carryOver: null },
};
const names = (count: number) => Array.from({ length: count }, (_, at) => `cluster-${at}` as ClusterId);
const counted = (eligible: readonly ClusterId[], enrolledCount: number) =>
  ({ kind: 'counted', atMs: 20, eligible, enrolledCount, roundKey: 'a2V5', olderBases: olderDigests }) as const;

function next(phase: RoundPhase, event: RoundEvent): RoundPhase {
  const made = step(phase, event, rules);
  if (made.kind === 'refused') throw new Error(made.fault.message);
  return made.phase;
}

it('of many eligible clusters the journal names the cohort alone, which gives the same phase', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const recruiting = next(
      { kind: 'scheduled', dueAtMs: 0 },
      { kind: 'opened', atMs: 10, seed, base: { version: 3, digest: baseDigest } },
    );
    const event = counted(names(eligibleNamesMax + seed), 2 * eligibleNamesMax);
    const phase = next(recruiting, event);
    const kept = forJournal(event, phase);
    expect(kept).not.toBe(event);
    expect(next(recruiting, kept)).toEqual(phase);
    const all = [...event.eligible].sort();
    const digest = `sha256:${hash('sha256', `${all.join('\n')}\n`, 'hex')}`;
    expect(kept).toMatchObject({ drawnFrom: { count: all.length, digest } });
    expect('eligible' in kept && kept.eligible).toHaveLength(65);
  }
});

it('few eligible clusters are all named, as are those that are all invited, and those of whom nobody was', () => {
  const recruiting = next(
    { kind: 'scheduled', dueAtMs: 0 },
    { kind: 'opened', atMs: 10, seed: 1, base: { version: 3, digest: baseDigest } },
  );
  const few = counted(names(eligibleNamesMax), eligibleNamesMax);
  expect(forJournal(few, next(recruiting, few))).toBe(few);
  const many = counted(names(eligibleNamesMax + 1), eligibleNamesMax + 1);
  expect(forJournal(many, recruiting)).toBe(many);
  const cancelled: RoundEvent = { kind: 'cancelled', atMs: 30, detail: 'by hand' };
  expect(forJournal(cancelled, next(recruiting, many))).toBe(cancelled);
  const all = { ...next(recruiting, many), cohort: many.eligible } as RoundPhase;
  expect(forJournal(many, all)).toBe(many);
});
