import { z } from 'zod';
import { canonicalBytes, type JsonValue } from '../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { Turns } from '../../base/waiting/turns.ts';
import { digestOf } from '../../proto/digest.ts';
import type { FaultCodeOf } from '../../proto/served-faults.ts';
import type { Call } from '../access/access-control.ts';
import { type CallRule, calls } from '../access/calls.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { Membership } from '../members/membership.ts';
import { revokeAntibody } from '../operations/antibodies.ts';
import { liftFreeze, setFreeze } from '../operations/freezes.ts';
import { setQuarantine } from '../operations/members.ts';
import { overrideGate, promote, revokeRelease, rollBack } from '../operations/releases.ts';
import { cancelRound, openRound } from '../operations/rounds.ts';
import type { Registry } from '../registry/registry.ts';
import type { Engine } from '../rounds/engine.ts';
import { movesOf } from '../views/effects.ts';
import { invalid } from '../views/request.ts';
import type { WebFaultCode } from './faults.ts';
import type { Outcome } from './shapes.ts';

export type ActParts = Readonly<{ engine: Engine; registry: Registry; membership: Membership }>;

type Served = Promise<Result<Outcome, FaultCodeOf<'operator'>>>;

/** What an operator can do from a page: the same operation as the command line's, by the same rule. */
type Act<Body extends z.ZodType = z.ZodType> = Readonly<{
  rule: CallRule<'operator'>;
  body: Body;
  /** Whether it can be tried first, and so must be. */
  triable: boolean;
  run(parts: ActParts, actor: Actor, body: z.output<Body>, dryRun: boolean, nowMs: number): Served;
}>;

const text = z.string().max(1_000);
const version = z.int().min(0);
const ofTrack = { track: text, reason: text };

const nothingMoves = { effects: [], sequence: 0 };

/** By the word behind /api/acts/. */
const acts = {
  promote: act(
    calls.operator.promote,
    { ...ofTrack, version: version.optional() },
    true,
    async (parts, actor, body, dryRun) => {
      const { registry } = parts;
      const moved = await promote(registry, actor, { ...body, version: body.version, channel: 'stable', dryRun });
      return moved.ok ? ok({ ...moved.value, effects: movesOf(moved.value) }) : moved;
    },
  ),
  'roll-back': act(
    calls.operator.rollBack,
    { ...ofTrack, version: version.optional() },
    true,
    async (parts, actor, body, dryRun) => {
      const moved = await rollBack(parts.registry, actor, { ...body, version: body.version, dryRun });
      return moved.ok ? ok({ ...moved.value, effects: movesOf(moved.value) }) : moved;
    },
  ),
  revoke: act(calls.operator.revokeRelease, { ...ofTrack, version }, true, async (parts, actor, body, dryRun) => {
    const revoked = await revokeRelease(parts.registry, actor, { ...body, dryRun });
    return revoked.ok ? ok({ ...revoked.value, effects: movesOf(revoked.value) }) : revoked;
  }),
  gate: act(
    calls.operator.overrideGate,
    { ...ofTrack, version, decision: z.enum(['promote', 'reject']) },
    true,
    async (parts, actor, body, dryRun) => {
      const decided = await overrideGate(parts.registry, actor, { ...body, dryRun });
      if (!decided.ok) return decided;
      const { approvals, ...rest } = decided.value;
      return ok({ ...rest, effects: movesOf(rest), approvedBy: approvals.map(({ by }) => by) });
    },
  ),
  freeze: act(
    calls.operator.setFreeze,
    { tracks: z.array(text).max(64), untilMs: z.int().min(0), reason: text },
    true,
    async ({ engine }, actor, body, dryRun) => {
      const set = await setFreeze(engine, actor, { ...body, fromMs: 0, dryRun });
      return set.ok ? ok({ effects: [], sequence: set.value.sequence, heldRounds: set.value.held.length }) : set;
    },
  ),
  unfreeze: act(
    calls.operator.liftFreeze,
    { freezeId: text, reason: text },
    true,
    async ({ engine }, actor, body, dryRun) => {
      const lifted = await liftFreeze(engine, actor, { ...body, dryRun });
      return lifted.ok ? ok({ effects: [], sequence: lifted.value.sequence }) : lifted;
    },
  ),
  'open-round': act(calls.operator.openRound, ofTrack, false, async ({ engine }, actor, body) => {
    const opened = await openRound(engine, actor, body);
    return opened.ok ? ok({ ...nothingMoves, round: opened.value }) : opened;
  }),
  'cancel-round': act(calls.operator.cancelRound, { ...ofTrack, round: text }, false, async ({ engine }, actor, body) =>
    written(await cancelRound(engine, actor, body)),
  ),
  quarantine: act(
    calls.operator.setQuarantine,
    { cluster: text, quarantined: z.boolean(), reason: text },
    false,
    async (parts, actor, body) => written(await setQuarantine(parts, actor, body)),
  ),
  'revoke-antibody': act(
    calls.operator.revokeAntibody,
    { ...ofTrack, digest: text },
    false,
    async ({ engine }, actor, body) => {
      const revoked = await revokeAntibody(engine, actor, body);
      return revoked.ok ? ok({ ...nothingMoves, sequence: revoked.value.sequence }) : revoked;
    },
  ),
} as const;

/** Of its own members alone: a path may say `constructor`. */
export const actNamed: ReadonlyMap<string, Act> = new Map(Object.entries(acts));

/**
 * Acts of pages, one at a time: what can be tried is done only if it would do now what its dry run showed. So of two
 * operators who decide at once on the same page, one wins and the other is told.
 */
export class ActDesk {
  readonly #parts: ActParts;
  readonly #turns = new Turns();

  constructor(parts: ActParts) {
    this.#parts = parts;
  }

  /** `asked`: the act's fields, with `dryRun: true` or with what the dry run answered, `agreed`. */
  perform(
    { run, body, triable }: Act,
    { actor, nowMs }: Call<'operator'>,
    asked: unknown,
  ): Promise<Result<Outcome, FaultCodeOf<'operator'> | WebFaultCode>> {
    const work = async (): Promise<Result<Outcome, FaultCodeOf<'operator'> | WebFaultCode>> => {
      const read = z.object({ dryRun: z.boolean().default(false), agreed: z.string().optional() }).safeParse(asked);
      const fields = body.safeParse(asked);
      if (!read.success || !fields.success) return invalid('the fields are not those of this act');
      if (!triable && read.data.dryRun) return invalid('this act cannot be tried first');
      if (!triable) return run(this.#parts, actor, fields.data, false, nowMs);
      const tried = await run(this.#parts, actor, fields.data, true, nowMs);
      if (!tried.ok) return tried;
      const agreed = digestOf(canonicalBytes({ ...tried.value, sequence: 0 } as unknown as JsonValue));
      if (read.data.dryRun) return ok({ ...tried.value, agreed });
      if (read.data.agreed === agreed) return run(this.#parts, actor, fields.data, false, nowMs);
      return refuse('CHANGED_SINCE', 'it would now do something else than you were shown: look again, then decide');
    };
    return this.#turns.take(work);
  }
}

function act<Shape extends z.ZodRawShape>(
  rule: CallRule<'operator'>,
  shape: Shape,
  triable: boolean,
  run: Act<z.ZodObject<Shape>>['run'],
): Act {
  return { rule, body: z.object(shape), triable, run: run as Act['run'] };
}

function written<Code extends string>(sequence: Result<number, Code>): Result<Outcome, Code> {
  return sequence.ok ? ok({ effects: [], sequence: sequence.value }) : sequence;
}
