import { ok, type Result } from '../../base/fault.ts';
import type { FederationId } from '../../proto/ids.ts';
import type { AggregationJob } from '../candidate/job.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import type { Round, Track } from '../ledger/state/state.ts';
import { forJournal } from '../round/eligible.ts';
import type { RoundFaultCode } from '../round/faults.ts';
import type { RoundEvent, RoundPhase } from '../round/phase.ts';
import { countedOf, step } from '../round/step.ts';
import { roundKeyName } from './keys.ts';

/** What to journal so that `events` happen to a round, one after another: nothing for those that change nothing. */
export function stepsOf(
  { track, round, rules, phase }: Pick<Round, 'track' | 'round' | 'rules' | 'phase'>,
  events: readonly RoundEvent[],
): Result<readonly JournalEvent[], RoundFaultCode> {
  const steps: JournalEvent[] = [];
  let current: RoundPhase = phase;
  for (const event of events) {
    const result = step(current, event, rules);
    if (result.kind === 'refused') return { ok: false, fault: result.fault };
    if (result.phase === current) continue;
    current = result.phase;
    const kept = forJournal(event, current);
    steps.push({ kind: 'roundStepped', track, round, event: kept, effects: result.effects });
  }
  return ok(steps);
}

/** The aggregation of a round that has closed; undefined in any other phase. */
export function jobOf(federation: FederationId, track: Track, round: Round): AggregationJob | undefined {
  const { phase } = round;
  return phase.kind === 'aggregating' ? jobFrom(federation, track, round, phase, track.models.length) : undefined;
}

/** The very same job again, of a round that has its candidate; undefined in any other phase. */
export function replayJobOf(federation: FederationId, track: Track, round: Round): AggregationJob | undefined {
  const { phase } = round;
  return phase.kind === 'candidate' ? jobFrom(federation, track, round, phase, phase.candidate.version) : undefined;
}

function jobFrom(
  federation: FederationId,
  track: Track,
  { round, policy, rules, priors }: Round,
  phase: Extract<RoundPhase, { kind: 'aggregating' | 'candidate' }>,
  candidateVersion: number,
): AggregationJob {
  const exponent = rules.carryOver?.exponent ?? 0;
  const updates = countedOf(phase).map((accepted) => {
    const { cluster, payloadDigest, payloadBytes, baseDigest, staleness, classes, provenance } = accepted;
    return {
      cluster,
      payloadDigest,
      payloadBytes,
      baseDigest,
      staleness,
      scale: (1 + staleness) ** -exponent * (priors?.[cluster] ?? 1),
      ...(classes && { classes }),
      ...(provenance && { provenance }),
    };
  });
  const expelled = phase.expelled.flatMap(({ cluster, code }) =>
    phase.accepted
      .filter((update) => update.cluster === cluster)
      .map(({ payloadDigest }) => ({ cluster, payloadDigest, code })),
  );
  return {
    id: `aggregate.${track.track}.${round}`,
    federation,
    track: track.track,
    round,
    spec: track.spec,
    schemaDigest: track.schemaDigest,
    policy: policy.aggregation,
    optimiser: policy.optimiser,
    base: phase.base,
    ...(policy.sample?.digest && { sample: policy.sample.digest }),
    ...(policy.sample?.digest && policy.sample.holds && { sampleHolds: true }),
    optimiserState: track.models[phase.base.version]?.optimiserState ?? null,
    candidateVersion,
    keyName: roundKeyName(track.track, round),
    updates: updates.sort((a, b) => (a.payloadDigest < b.payloadDigest ? -1 : 1)),
    expelled,
  };
}
