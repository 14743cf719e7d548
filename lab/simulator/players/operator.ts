import { ok, type Result, refuse } from '../../../base/fault.ts';
import { liftFreeze, setFreeze } from '../../../coordinator/ledger/freezing.ts';
import type { Actor } from '../../../coordinator/ledger/journal/events.ts';
import { moveHead } from '../../../coordinator/ledger/move-head.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { ClusterId, FederationId, TrackId } from '../../../proto/ids.ts';
import type { Pin } from '../../../proto/release/documents/catalogue.ts';
import { signPins } from '../../../proto/release/sign.ts';
import type { OperatorAct } from '../plan.ts';
import type { Draws } from '../world/draws.ts';
import type { Services } from './services.ts';

export type OperatorParts = Readonly<{
  draws: Draws;
  actor: Actor;
  federation: FederationId;
  track: TrackId;
  honest: readonly ClusterId[];
  pinKey: SigningKeyPair;
}>;

const hourMs = 3_600_000;
const reason = 'simulated';

/** What one operator does, with the real calls behind the operators' door. */
export async function operate(
  act: OperatorAct,
  services: Services,
  nowMs: number,
  parts: OperatorParts,
): Promise<Result<unknown>> {
  const { engine, registry } = services;
  const { draws, actor, track, honest } = parts;
  const known = engine.state().tracks.get(track);
  if (known === undefined) return refuse('TRACK_NOT_FOUND', 'not founded');
  const version = draws.between('operator', 0, known.models.length - 1);
  switch (act) {
    case 'openRound':
      return engine.openRound(actor, { track, reason });
    case 'cancelRound': {
      const round = [...known.rounds.keys()].at(-1);
      return round === undefined ? ok(undefined) : engine.cancelRound(actor, { track, round, reason });
    }
    case 'promote':
      return registry.promote(actor, { track, reason });
    case 'rollBack':
      return registry.rollBack(actor, { track, reason });
    case 'revoke':
      // The first one stays, so that there is always something to run.
      return version === 0 ? ok(undefined) : registry.revoke(actor, { track, version, reason });
    case 'moveHead':
      return moveHead(engine, actor, { track, version, reason, dryRun: false });
    case 'freeze': {
      const untilMs = nowMs + draws.between('operator', 1, 3) * hourMs;
      return setFreeze(engine, actor, { tracks: 'all', fromMs: null, untilMs, reason, dryRun: false });
    }
    case 'liftFreeze': {
      const [freeze] = engine.state().freezes.values();
      return freeze === undefined
        ? ok(undefined)
        : liftFreeze(engine, actor, { freezeId: freeze.freezeId, reason, dryRun: false });
    }
    case 'quarantine':
    case 'release': {
      const cluster = draws.pick('operator', honest);
      const quarantined = act === 'quarantine';
      if (engine.state().clusters.get(cluster)?.quarantined === quarantined) return ok(undefined);
      const event = { kind: 'quarantineSet', cluster, quarantined, reason } as const;
      return engine.commit(actor, () => ok({ events: [event], value: undefined }));
    }
    case 'pin':
    case 'unpin':
      return pin(act, services, nowMs, version, parts);
  }
}

async function pin(
  act: 'pin' | 'unpin',
  { registry, engine }: Services,
  nowMs: number,
  version: number,
  { draws, actor, federation, track, honest, pinKey }: OperatorParts,
): Promise<Result<unknown>> {
  const current = registry.pins() ?? { version: engine.state().metadata.pins?.version ?? 0, expiresAtMs: 0, pins: [] };
  const floor = engine.state().tracks.get(track)?.releasing.floor ?? 0;
  const added: Pin = {
    pinId: `p${current.version + 1}`,
    track,
    subject: { cluster: draws.pick('operator', honest) },
    version,
    untilMs: draws.chance('operator', 0.5) ? nowMs + draws.between('operator', 1, 4) * hourMs : null,
    // Who pins below the floor signs that too.
    belowFloor: draws.chance('operator', 0.3) || version < floor,
    reason,
    setBy: 'ada',
  };
  const pins = act === 'pin' ? [...current.pins.slice(-3), added] : current.pins.slice(1);
  const expiresAtMs = Math.floor(nowMs / 1_000) * 1_000 + 90 * 24 * hourMs;
  const signed = signPins({ version: current.version + 1, expiresAtMs, pins }, federation, [pinKey]);
  return registry.proposePins(actor, { pins: signed, reason });
}
