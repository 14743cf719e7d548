import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { digestOf } from '../../proto/digest.ts';
import type { ClusterId, RoundId } from '../../proto/ids.ts';
import type { ProveLead } from '../blobs/blob-store.ts';
import { MemoryBlobStore } from '../blobs/memory-blob-store.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import { MemoryMedium } from '../ledger/journal/memory-store.ts';
import { openMemoryJournal } from '../ledger/journal/open-journal.ts';
import type { RoundEffect, RoundEvent } from '../round/phase.ts';
import { rulesOf } from '../round/policy.ts';
import { folded } from '../testing/folding.ts';
import { newState, track as released, weightsOf } from '../testing/released-state.ts';
import { openSmallFederation, policy, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { PayloadHolds } from './payload-holds.ts';
import { sweepSealed } from './sweep.ts';

/** Keeps what each sweep was shown as proof. */
class LateStore extends MemoryBlobStore {
  readonly proofs: (ReadonlySet<string> | undefined)[] = [];

  async sweep(prove: ProveLead): Promise<number> {
    this.proofs.push(await prove());
    return 0;
  }
}

it('a store that removes late is swept each hour, on a write in this epoch: one that was followed proves nothing', async () => {
  const [timers, medium, blobs] = [new SimulatedTimers(0), new MemoryMedium(), new LateStore()];
  const journal = openMemoryJournal(medium, timers);
  const engine = await openSmallFederation(tempDir(), { timers, journal, openBlobs: async () => blobs });
  onTestFinished(() => engine.close());
  const model = engine.state().tracks.get(track)?.models[0]?.digest ?? '';
  await timers.advance(3_600_000 - 10_000);
  expect(blobs.proofs).toEqual([]);
  await timers.advance(20_000);
  await expect.poll(() => blobs.proofs.length).toBe(1);
  expect(blobs.proofs[0]).toContain(model.slice('sha256:'.length));
  await timers.advance(3_570_000);
  expect(blobs.proofs).toHaveLength(1);

  await openMemoryJournal(medium, timers).close();
  await timers.advance(40_000);
  await expect.poll(() => blobs.proofs.length).toBe(2);
  expect(blobs.proofs[1]).toBeUndefined();
});

describe('sealed updates of rounds that ended longer ago', () => {
  const rules = rulesOf(policy);
  const base = { version: 0, digest: weightsOf(0) };
  const eligible = ['a', 'b', 'c', 'd', 'e'] as ClusterId[];
  const bytes = (text: string) => Buffer.from(text);

  function opened(round: RoundId): readonly JournalEvent[] {
    const step = (event: RoundEvent, effects: readonly RoundEffect[] = []): JournalEvent => ({
      ...{ kind: 'roundStepped', track: released, round, event, effects },
    });
    return [
      ...[
        {
          kind: 'roundScheduled',
          track: released,
          round,
          dueAtMs: 50,
          rules,
          policy,
          servesUntilMs: null,
          reason: 't',
        } as const,
      ],
      step({ kind: 'opened', atMs: 50, seed: 7, base }),
      step({ kind: 'counted', atMs: 51, eligible, enrolledCount: 5, roundKey: 'a2V5', olderBases: [] }, ['invite']),
    ];
  }
  function sent(round: RoundId, cluster: string, text: string): JournalEvent {
    const payload = { payloadDigest: digestOf(bytes(text)), payloadBytes: 4, exampleCount: 9, signature: 'c2ln' };
    const update = { cluster: cluster as ClusterId, baseDigest: base.digest, ...payload };
    return {
      kind: 'roundStepped',
      track: released,
      round,
      event: { kind: 'updateArrived', atMs: 52, update },
      effects: [],
    };
  }
  const cancelled = (round: RoundId): JournalEvent => ({
    ...{ kind: 'roundStepped', track: released, round, effects: ['announce', 'destroyKey', 'dropPartials'] },
    event: { kind: 'cancelled', atMs: 60, detail: 'stop' },
  });
  const [first, second, third] = ['r-1', 'r-2', 'r-3'] as [RoundId, RoundId, RoundId];
  const events = [
    ...[
      ...opened(first),
      sent(first, 'a', 'own'),
      sent(first, 'b', 'sent again'),
      sent(first, 'c', 'kept'),
      cancelled(first),
    ],
    ...[...opened(second), sent(second, 'd', 'kept'), cancelled(second), ...opened(third)],
  ];

  async function left(
    tentative: readonly JournalEvent[],
    durable: readonly JournalEvent[] = [],
    holds = new PayloadHolds(),
  ) {
    const blobs = new MemoryBlobStore();
    for (const text of ['own', 'sent again', 'kept']) unwrap(await blobs.put(bytes(text)));
    const state = folded(newState(), [...events, ...durable]);
    await sweepSealed({ state, tentative: folded(state, tentative) }, blobs, holds, new Set());
    const has = (text: string) => blobs.has(digestOf(bytes(text)));
    return { own: await has('own'), again: await has('sent again'), kept: await has('kept') };
  }

  it('go, but for what the round before the last has accepted as well', async () => {
    expect(await left([])).toEqual({ own: false, again: false, kept: true });
  });

  it('stay where the open round has accepted the same bytes of another cluster, on their way into the journal or there', async () => {
    const again = sent(third, 'e', 'sent again');
    expect(await left([again])).toEqual({ own: false, again: true, kept: true });
    expect(await left([], [again])).toEqual({ own: false, again: true, kept: true });
  });

  it('stay while an acceptance that found them stored is being decided', async () => {
    const holds = new PayloadHolds();
    const letGo = await holds.hold(digestOf(bytes('sent again')));
    expect(await left([], [], holds)).toEqual({ own: false, again: true, kept: true });
    letGo();
    expect(await left([], [], holds)).toEqual({ own: false, again: false, kept: true });
  });
});
