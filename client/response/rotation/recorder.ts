import type { EpochMs } from '../../../base/time.ts';
import type { Facts } from '../cluster/facts.ts';
import { commitmentTo, epochKey, epochOf, type Law, revealAtMs } from './lifetimes.ts';
import type { Said } from './record.ts';
import type { Seen } from './rotation.ts';

/** What the log says already. */
export type Recorded = Readonly<{
  /** `isExposureSaid`: false where an agent that knew of no posture saw it first. */
  pods: ReadonlyMap<string, Readonly<{ reason: string | null; risks: number; isExposureSaid: boolean }>>;
  committed: ReadonlySet<number>;
  revealed: ReadonlySet<number>;
  lastMs: EpochMs;
}>;

export const nothingRecorded: Recorded = { pods: new Map(), committed: new Set(), revealed: new Set(), lastMs: 0 };

/** A log is never silent for longer while somebody leads. */
export const silentMsMax = 300_000;

type Keys = Readonly<{ secret: Buffer; epochMs: number; law: Law }>;

/** What a look adds to the log: pods that came and went, risks, who begins, and why others wait. Pure. */
export function recordLook(
  before: Recorded,
  facts: Facts,
  { begins, waits }: Pick<Seen, 'begins' | 'waits'>,
  { secret, epochMs, law }: Keys,
  now: EpochMs,
): Readonly<{ recorded: Recorded; said: readonly Said[] }> {
  const said: Said[] = [];
  const pods = new Map(before.pods);
  const committed = new Set(before.committed);
  const revealed = new Set(before.revealed);
  const commit = (epoch: number) => {
    if (committed.has(epoch)) return;
    committed.add(epoch);
    said.push({ kind: 'epoch', epoch, commitment: commitmentTo(epochKey(secret, epoch)) });
  };
  commit(epochOf(now, epochMs));
  commit(epochOf(now, epochMs) + 1); // Before it begins.
  for (const { uid, namespace, name, createdAtMs, exposedBy } of facts.pods.values()) {
    const before = pods.get(uid);
    if (before?.isExposureSaid !== true) {
      commit(epochOf(createdAtMs, epochMs));
      pods.set(uid, { reason: null, risks: 0, ...before, isExposureSaid: true });
      said.push({ kind: 'seen', uid, namespace, name, createdAtMs, exposedBy: [...exposedBy] });
    }
    const steps = facts.risks.get(uid) ?? [];
    const known = pods.get(uid) ?? { reason: null, risks: 0, isExposureSaid: true };
    for (const { atMs, risk } of steps.slice(known.risks)) said.push({ kind: 'risk', uid, atMs, risk });
    if (steps.length !== known.risks) pods.set(uid, { ...known, risks: steps.length });
  }
  for (const { pod, workload } of begins) {
    said.push({ kind: 'begins', uid: pod.uid, does: workload.mode === 'surge' ? 'release' : 'evict' });
  }
  const begun = new Set(begins.map(({ pod }) => pod.uid));
  for (const { pod, reason } of waits) {
    const known = pods.get(pod.uid);
    if (known === undefined || known.reason === reason || begun.has(pod.uid)) continue;
    pods.set(pod.uid, { ...known, reason });
    said.push({ kind: 'waits', uid: pod.uid, reason });
  }
  for (const uid of before.pods.keys()) {
    if (facts.pods.has(uid)) continue;
    pods.delete(uid);
    said.push({ kind: 'gone', uid });
  }
  for (const epoch of committed) {
    if (revealed.has(epoch) || now < revealAtMs(epoch, epochMs, law)) continue;
    revealed.add(epoch);
    said.push({ kind: 'reveal', epoch, key: epochKey(secret, epoch).toString('hex') });
  }
  if (said.length === 0 && now - before.lastMs >= silentMsMax) said.push({ kind: 'alive' });
  return { recorded: { pods, committed, revealed, lastMs: said.length === 0 ? before.lastMs : now }, said };
}
