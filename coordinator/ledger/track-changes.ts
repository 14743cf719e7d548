import { ok, type Result, refuse } from '../../base/fault.ts';
import { classBlocksOf } from '../../proto/class-blocks.ts';
import type { Digest, TrackId } from '../../proto/ids.ts';
import { layoutOf } from '../../proto/layout.ts';
import { checkSpec, type ModelSpec, schemaDigest } from '../../proto/model-spec.ts';
import type { ModelRef } from '../round/phase.ts';
import { rulesOf, type TrackPolicy } from '../round/policy.ts';
import { hasRelays, relayRule } from '../round/relay-rule.ts';
import { checkRoundRules } from '../round/rules.ts';
import { checkSchedule } from '../round/schedule/next-run.ts';
import type { Actor, JournalEvent } from './journal/events.ts';
import { headOf, type State } from './state/state.ts';
import type { Committed, Store, StoreFaultCode, Writer } from './store.ts';

export type NewTrack = Readonly<{
  track: TrackId;
  spec: ModelSpec;
  policy: TrackPolicy;
  /** A blob already stored in the blob store: the initial model, 4 bytes a value. */
  modelDigest: Digest;
  reason: string;
}>;

export type TrackFaultCode =
  | 'TRACK_EXISTS'
  | 'TRACK_NOT_FOUND'
  | 'POLICY_INVALID'
  | 'SPEC_INVALID'
  | 'SPEC_TOO_LARGE'
  | 'MODEL_NOT_FOUND'
  | 'LENGTH_MISMATCH';

type Changed = Promise<Result<Committed<ModelRef>, TrackFaultCode | StoreFaultCode>>;

/** Makes a track whose version 0 is a model already stored. */
export async function createTrack(
  store: Pick<Store, 'blobs' | 'commit'>,
  actor: Actor,
  { track, spec, policy, modelDigest, reason }: NewTrack,
): Changed {
  const checked = checkSpec(spec);
  if (!checked.ok) return checked;
  const legal = checkPolicy(policy, checked.value);
  if (!legal.ok) return legal;
  const bytes = layoutOf(spec).length * 4;
  const stored = await store.blobs.size(modelDigest);
  if (!stored.ok) return refuse('MODEL_NOT_FOUND', `the initial model ${modelDigest} is not stored; upload it first`);
  if (stored.value !== bytes) {
    return refuse('LENGTH_MISMATCH', `the initial model has ${stored.value} bytes; its spec needs exactly ${bytes}`);
  }
  return store.commit(actor, (state) => {
    if (state.tracks.has(track)) return refuse('TRACK_EXISTS', `track ${track} exists; set its policy instead`);
    const averaged = overRegions(state, policy);
    if (averaged !== undefined) return averaged;
    const digest = schemaDigest(spec);
    const events: JournalEvent[] = [
      { kind: 'trackCreated', track, spec: checked.value, schemaDigest: digest, policy, modelDigest, reason },
    ];
    return ok({ events, value: { version: 0, digest: modelDigest } });
  });
}

/** What the track's next rounds obey; a round that runs keeps what it was scheduled under. */
export async function setPolicy(
  writer: Writer,
  actor: Actor,
  { track, policy, reason }: Readonly<{ track: TrackId; policy: TrackPolicy; reason: string }>,
): Changed {
  return writer.commit(actor, (state) => {
    const known = state.tracks.get(track);
    if (known === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${track}; create it first`);
    const legal = checkPolicy(policy, known.spec);
    if (!legal.ok) return legal;
    const averaged = overRegions(state, policy);
    if (averaged !== undefined) return averaged;
    return ok({ events: [{ kind: 'policySet', track, policy, reason }], value: headOf(known) });
  });
}

/** Where members are regions, the rules that one of them could bend at will are refused. */
function overRegions({ clusters }: Pick<State, 'clusters'>, { aggregation }: TrackPolicy) {
  const regions = hasRelays(clusters.values()) ? relayRule(aggregation) : undefined;
  return regions?.kind === 'refuse' ? refuse('POLICY_INVALID', regions.text) : undefined;
}

function checkPolicy(policy: TrackPolicy, spec: ModelSpec): Result<TrackPolicy, 'POLICY_INVALID'> {
  const rules = checkRoundRules(rulesOf(policy));
  const schedule = policy.schedule === null ? ok(policy) : checkSchedule(policy.schedule);
  const problems = [rules, schedule].flatMap((result) => (result.ok ? [] : [result.fault.message]));
  if (classBlocksOf(spec)?.tableNorm !== undefined) problems.push(...shapeProblems(policy));
  return problems.length === 0 ? ok(policy) : refuse('POLICY_INVALID', problems.join('; '));
}

/** What would give every honest table of counts another shape, so that all of them were refused. */
function shapeProblems({ training, rounds, history }: TrackPolicy): string[] {
  const bends = [
    ...(training.clipNorm > 0 ? ['training.clipNorm'] : []),
    ...(training.noiseMultiplier > 0 ? ['training.noiseMultiplier'] : []),
    ...(rounds.carryOver === null ? [] : ['rounds.carryOver']),
    ...(history === undefined ? [] : ['history']),
  ];
  if (bends.length === 0) return [];
  return [
    `${bends.join(' and ')} would change the shape that tables of this spec are admitted by; leave it out, or make the track with a spec without blocks by class`,
  ];
}
