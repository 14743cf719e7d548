import { ok, type Result, refuse } from '../../base/fault.ts';
import type { TrackId } from '../../proto/ids.ts';
import { layoutOf } from '../../proto/layout.ts';
import { checkSpec, schemaDigest } from '../../proto/model-spec.ts';
import { checkSchedule } from '../round/next-run.ts';
import type { ModelRef } from '../round/phase.ts';
import type { TrackPolicy } from '../round/policy.ts';
import { checkRoundRules } from '../round/rules.ts';
import type { Committed, Engine, NewTrack, OperationFaultCode, StoreFaultCode } from '../rounds/engine.ts';
import { rulesOf } from '../rounds/events.ts';
import type { Actor, JournalEvent } from './journal/events.ts';
import { headOf } from './state/state.ts';

type Changed = Promise<Result<Committed<ModelRef>, OperationFaultCode | StoreFaultCode>>;

/** See engine.ts. */
export async function createTrack(
  engine: Pick<Engine, 'blobs' | 'commit'>,
  actor: Actor,
  { track, spec, policy, modelDigest, reason }: NewTrack,
): Changed {
  const checked = checkSpec(spec);
  if (!checked.ok) return checked;
  const legal = checkPolicy(policy);
  if (!legal.ok) return legal;
  const bytes = layoutOf(spec).length * 4;
  const stored = await engine.blobs.size(modelDigest);
  if (!stored.ok) return refuse('MODEL_NOT_FOUND', `the initial model ${modelDigest} is not stored; upload it first`);
  if (stored.value !== bytes) {
    return refuse('LENGTH_MISMATCH', `the initial model has ${stored.value} bytes; its spec needs exactly ${bytes}`);
  }
  return engine.commit(actor, (state) => {
    if (state.tracks.has(track)) return refuse('TRACK_EXISTS', `track ${track} exists; set its policy instead`);
    const digest = schemaDigest(spec);
    const events: JournalEvent[] = [
      { kind: 'trackCreated', track, spec: checked.value, schemaDigest: digest, policy, modelDigest, reason },
    ];
    return ok({ events, value: { version: 0, digest: modelDigest } });
  });
}

/** See engine.ts. */
export async function setPolicy(
  engine: Pick<Engine, 'commit'>,
  actor: Actor,
  { track, policy, reason }: Readonly<{ track: TrackId; policy: TrackPolicy; reason: string }>,
): Changed {
  const legal = checkPolicy(policy);
  if (!legal.ok) return legal;
  return engine.commit(actor, (state) => {
    const known = state.tracks.get(track);
    if (known === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${track}; create it first`);
    return ok({ events: [{ kind: 'policySet', track, policy, reason }], value: headOf(known) });
  });
}

function checkPolicy(policy: TrackPolicy): Result<TrackPolicy, 'POLICY_INVALID'> {
  const rules = checkRoundRules(rulesOf(policy));
  const schedule = policy.schedule === null ? ok(policy) : checkSchedule(policy.schedule);
  const problems = [rules, schedule].flatMap((result) => (result.ok ? [] : [result.fault.message]));
  return problems.length === 0 ? ok(policy) : refuse('POLICY_INVALID', problems.join('; '));
}
