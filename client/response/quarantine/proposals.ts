import { type Order, wordOn } from './orders.ts';
import type { Asked, Seen } from './seen.ts';

/** How a proposal ended: by a person's word, by itself, or because something came between. */
export type Outcome = 'approved' | 'declined' | 'enforced' | 'lapsed' | 'held' | 'gone';

/** One quarantine that a person is, or was, asked for. */
export type Proposal = Asked &
  Readonly<{
    uid: string;
    namespace: string;
    pod: string;
    workload: string;
    risk: number;
    alerts: number;
    sinceMs: number;
    /** null while it waits. */
    decided: Readonly<{ outcome: Outcome; atMs: number; by: string; reason: string }> | null;
  }>;

/** Beyond these the most suspect are kept of those that wait, and the newest of those that do not. */
export const proposalsMax = { open: 48, decided: 16 } as const;
const decidedForMs = 86_400_000;

/** The proposals after a look: who waits, and what became of those that waited before. Pure. */
export function proposalsAfter(
  before: readonly Proposal[],
  seen: Seen,
  orders: readonly Order[],
  nowMs: number,
): readonly Proposal[] {
  if (seen.isBlind) return before; // Whoever is not seen may be there.
  const decided = before.filter((one) => one.decided !== null && nowMs - one.decided.atMs < decidedForMs);
  const waited = new Map(before.filter((one) => one.decided === null).map((one) => [one.uid, one]));
  const open: Proposal[] = [];
  for (const suspect of seen.suspects) {
    const { pod, workload, risk, alerts, asks } = suspect;
    if (asks === undefined) continue;
    const sinceMs = waited.get(pod.uid)?.sinceMs ?? nowMs;
    const of = { uid: pod.uid, namespace: pod.namespace, pod: pod.name, workload, risk, alerts };
    open.push({ ...asks, ...of, sinceMs, decided: null });
    waited.delete(pod.uid);
  }
  for (const one of waited.values()) {
    const word = wordOn(one.uid, orders);
    const outcome = outcomeOf(one.uid, seen, word);
    const isHis = outcome === 'approved' || outcome === 'declined';
    const { by, reason } = isHis && word !== undefined ? word : { by: '', reason: '' };
    decided.push({ ...one, decided: { outcome, atMs: nowMs, by, reason } });
  }
  decided.sort((a, b) => (b.decided?.atMs ?? 0) - (a.decided?.atMs ?? 0) || (a.uid < b.uid ? -1 : 1));
  open.sort((a, b) => b.risk - a.risk || (a.uid < b.uid ? -1 : 1));
  return [...open.slice(0, proposalsMax.open), ...decided.slice(0, proposalsMax.decided)];
}

/** What became of one that waits no more. */
export function outcomeOf(uid: string, { suspects, quarantined }: Seen, word: Order | undefined): Outcome {
  if (word?.kind === 'approve') return 'approved';
  if (word?.kind === 'decline') return 'declined';
  const suspect = suspects.find(({ pod }) => pod.uid === uid);
  if (suspect?.state === 'begun' || quarantined.some(({ pod }) => pod.uid === uid)) return 'enforced';
  if (suspect === undefined) return 'gone';
  return suspect.state === 'held' ? 'held' : 'lapsed';
}
