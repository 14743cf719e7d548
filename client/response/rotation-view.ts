import type { AgentMetrics } from './agent-metrics.ts';
import type { Part } from './part.ts';
import { reasons, reasonText } from './rotation/reasons.ts';
import type { RotationState, Seen } from './rotation/rotation.ts';

/** The same part, whose looks are counted and can be asked about. */
export function watchedRotation(part: Part<RotationState>, metrics: AgentMetrics) {
  let seen: Seen | null = null;
  const watched: Part<RotationState> = {
    ...part,
    step(state, facts, now) {
      const next = part.step(state, facts, now);
      seen = next.state.seen;
      if (seen !== null) count(seen, metrics);
      return next;
    },
  };
  return { part: watched, seen: () => seen };
}

function count({ waits, breaches, inFlight }: Seen, metrics: AgentMetrics): void {
  metrics.rotationsInFlight.set(inFlight);
  const due = new Map<string, number>();
  const over = new Map<string, number>();
  for (const { reason } of waits) due.set(reason, (due.get(reason) ?? 0) + 1);
  for (const { reason } of breaches) over.set(reason, (over.get(reason) ?? 0) + 1);
  for (const reason of reasons) {
    metrics.podsWaiting.set({ reason }, due.get(reason) ?? 0);
    metrics.podsOverBound.set({ reason }, over.get(reason) ?? 0);
  }
}

export type RotationPage = ReturnType<typeof rotationPage>;

/** /rotation: what is due and why it waits, as `testudo agent pods` shows it. */
export function rotationPage(seen: Seen | null) {
  const over = new Map(seen?.breaches.map(({ pod, overMs }) => [pod.uid, overMs]));
  return {
    at: seen === null ? null : new Date(seen.atMs).toISOString(),
    inFlight: seen?.inFlight ?? 0,
    pods: (seen?.waits ?? []).map(({ pod, reason, dueMs }) => ({
      pod: `${pod.namespace}/${pod.name}`,
      reason,
      meaning: reasonText[reason],
      dueAt: new Date(dueMs).toISOString(),
      createdAt: new Date(pod.createdAtMs).toISOString(),
      overMinutes: Math.round((over.get(pod.uid) ?? 0) / 60_000),
    })),
  };
}
