import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDigest, parseFederationId, parseTrackId, type RoundId } from '../../proto/ids.ts';
import type { Invitation } from './invitation.ts';
import type { KeptUpdate } from './outbox.ts';
import {
  closeGraceMs,
  type Participation,
  type ParticipationEffect,
  type ParticipationEvent,
  roundOf,
  step,
  trainAgainMax,
} from './participation.ts';

const backoff = { firstMs: 100, maxMs: 1_000 };
const digest = parseDigest(`sha256:${'a'.repeat(64)}`);
const rounds = ['r-1', 'r-2', 'r-3'] as RoundId[];

function invitation(round: RoundId, closesAtMs = 50_000): Invitation {
  return {
    federation: parseFederationId('herd'),
    track: parseTrackId('syscall'),
    round,
    base: { version: 0, digest, sizeBytes: 4 },
    spec: { architecture: 'a', hyperparameters: {}, tensors: [{ name: 'w', shape: [1] }] },
    schemaDigest: digest,
    roundKey: new Uint8Array(32),
    closesAtMs,
    approvedClasses: [],
    plan: {
      epochs: 1,
      stepsMax: 1,
      batchSize: 1,
      learningRate: 1,
      clipNorm: 0,
      noiseMultiplier: 0,
      proximalMu: 0,
      seed: 0,
    },
  };
}

function kept(round: RoundId, closesAtMs = 50_000): KeptUpdate {
  return {
    track: parseTrackId('syscall'),
    round,
    header: {} as KeptUpdate['header'],
    signature: new Uint8Array(64),
    closesAtMs,
  };
}

function run(...events: ParticipationEvent[]) {
  let phase: Participation = { kind: 'idle' };
  const effects: ParticipationEffect[] = [];
  for (const event of events) {
    const next = step(phase, event, backoff);
    phase = next.phase;
    effects.push(...next.effects);
  }
  return { phase, effects, kinds: effects.map(({ kind }) => kind) };
}

const round = 'r-1' as RoundId;
const failed = (code: string, unit = 0.5): ParticipationEvent => ({
  kind: 'failed',
  round,
  fault: { code, message: '', fields: { status: code.replace('GRPC_', '') } },
  unit,
});
const invited: ParticipationEvent = { kind: 'invited', invitation: invitation(round) };
const fetched: ParticipationEvent = { kind: 'fetched', round };
const sealed: ParticipationEvent = { kind: 'kept', kept: kept(round) };
const receipted: ParticipationEvent = { kind: 'receipted', round, sequence: 9 };

describe('participation', () => {
  it('walks from an invitation to a receipt', () => {
    const { phase, kinds } = run(invited, fetched, sealed, receipted);
    expect(kinds).toEqual(['fetch', 'train', 'deliver']);
    expect(phase).toMatchObject({ kind: 'delivered', sequence: 9 });
  });

  it('is not disturbed by the restated invitation while something runs', () => {
    expect(run(invited, invited, fetched, invited, sealed, invited).kinds).toEqual(['fetch', 'train', 'deliver']);
  });

  it('waits longer after each failed delivery, and delivers at once when the line is back', () => {
    const retryDue: ParticipationEvent = { kind: 'retryDue', round };
    const { effects, kinds } = run(
      invited,
      fetched,
      sealed,
      failed('GRPC_UNAVAILABLE'),
      retryDue,
      failed('GRPC_UNAVAILABLE'),
      invited,
    );
    expect(effects.flatMap((effect) => (effect.kind === 'wait' ? [effect.milliseconds] : []))).toEqual([50, 100]);
    expect(kinds.slice(-2)).toEqual(['wait', 'deliver']);
  });

  it('ignores the end of a pause that was cut short', () => {
    const retryDue: ParticipationEvent = { kind: 'retryDue', round };
    const { kinds } = run(invited, fetched, sealed, failed('GRPC_UNAVAILABLE'), invited, retryDue);
    expect(kinds.filter((kind) => kind === 'deliver').length).toBe(2);
  });

  it('trains again a bounded number of times', () => {
    const again = Array.from({ length: trainAgainMax + 1 }, () => [fetched, sealed, failed('BASE_MISMATCH')]).flat();
    const { phase, kinds } = run(invited, ...again);
    expect(kinds.filter((kind) => kind === 'train').length).toBe(trainAgainMax + 1);
    expect(phase).toMatchObject({ kind: 'idle', code: 'BASE_MISMATCH' });
  });

  it('does not return to a round that it gave up, however often it is invited', () => {
    const { phase, kinds } = run(invited, fetched, sealed, failed('ROUND_CLOSED'), invited, invited);
    expect(kinds).toEqual(['fetch', 'train', 'deliver', 'report', 'cancel', 'drop']);
    expect(phase).toMatchObject({ kind: 'idle', code: 'ROUND_CLOSED' });
  });

  it('gives up what training itself refuses: the same seed would fail again', () => {
    const { phase } = run(invited, fetched, failed('GRPC_UNAVAILABLE'));
    expect(phase).toMatchObject({ kind: 'idle', code: 'GRPC_UNAVAILABLE' });
  });

  it('drops an update of its own accord once the round is over by the coordinator’s clock', () => {
    const at = (nowMs: number): ParticipationEvent => ({ kind: 'time', nowMs });
    const before = run(invited, fetched, sealed, failed('GRPC_UNAVAILABLE'), at(50_000 + closeGraceMs));
    expect(before.phase.kind).toBe('delivering');
    const after = run(invited, fetched, sealed, failed('GRPC_UNAVAILABLE'), at(50_001 + closeGraceMs));
    expect(after.kinds.slice(-2)).toEqual(['cancel', 'drop']);
  });

  it('delivers what an earlier run left, and only asks again for what was receipted', () => {
    expect(run({ kind: 'restored', kept: kept(round), sequence: undefined }).kinds).toEqual(['deliver']);
    const receiptedBefore = run({ kind: 'restored', kept: kept(round), sequence: 4 });
    expect(receiptedBefore).toMatchObject({ phase: { kind: 'delivered' }, effects: [] });
  });

  const events = fc.oneof(
    fc.constantFrom(...rounds).map((at): ParticipationEvent => ({ kind: 'invited', invitation: invitation(at) })),
    fc.constantFrom(...rounds).map((at): ParticipationEvent => ({ kind: 'closed', round: at })),
    fc.constantFrom(...rounds).map((at): ParticipationEvent => ({ kind: 'fetched', round: at })),
    fc.constantFrom(...rounds).map((at): ParticipationEvent => ({ kind: 'kept', kept: kept(at) })),
    fc.constantFrom(...rounds).map((at): ParticipationEvent => ({ kind: 'receipted', round: at, sequence: 1 })),
    fc.constantFrom(...rounds).map((at): ParticipationEvent => ({ kind: 'retryDue', round: at })),
    fc.record({
      kind: fc.constant('failed' as const),
      round: fc.constantFrom(...rounds),
      fault: fc
        .constantFrom('GRPC_UNAVAILABLE', 'BASE_MISMATCH', 'ROUND_CLOSED', 'NEVER_HEARD_OF')
        .map((code) => ({ code, message: '', fields: { status: code.replace('GRPC_', '') } })),
      unit: fc.double({ min: 0, max: 0.999, noNaN: true }),
    }),
    fc.nat(60_000).map((nowMs): ParticipationEvent => ({ kind: 'time', nowMs })),
  );

  it('never has two transfers of one round at once, and never leaves a kept update behind', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 60 }), (list) => {
        let phase: Participation = { kind: 'idle' };
        const inFlight = new Set<string>();
        const held = new Set<string>();
        for (const event of list) {
          if ('round' in event && ['fetched', 'receipted', 'failed'].includes(event.kind)) inFlight.delete(event.round);
          if (event.kind === 'kept') inFlight.delete(event.kept.round);
          const next = step(phase, event, backoff);
          for (const effect of next.effects) {
            switch (effect.kind) {
              case 'fetch':
              case 'train':
              case 'deliver': {
                const at = effect.kind === 'deliver' ? effect.kept.round : effect.invitation.round;
                expect(inFlight.has(at)).toBe(false);
                inFlight.add(at);
                if (effect.kind === 'deliver') held.add(at);
                break;
              }
              case 'cancel':
                inFlight.delete(effect.round);
                break;
              case 'drop':
                held.delete(effect.round);
                break;
            }
          }
          phase = next.phase;
          const current = roundOf(phase);
          for (const at of held) expect(at).toBe(current);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('can be stored and read back in every phase', () => {
    for (const list of [[], [invited], [invited, fetched], [invited, fetched, sealed]]) {
      const { phase } = run(...list);
      expect(structuredClone(phase)).toEqual(phase);
    }
  });
});
