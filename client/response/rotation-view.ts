import type { Timers } from '../../base/time.ts';
import type { AgentMetrics } from './agent-metrics.ts';
import type { Facts } from './cluster/facts.ts';
import type { LeaseElection } from './cluster/lease.ts';
import type { Part } from './part.ts';
import { reasons, reasonText } from './rotation/reasons.ts';
import type { Said } from './rotation/record.ts';
import { type Recorded, recordLook } from './rotation/recorder.ts';
import { type RotationState, rotationPart, type Seen } from './rotation/rotation.ts';
import type { RotationConfig } from './rotation/rotation-config.ts';
import type { RotationLog } from './rotation/rotation-log.ts';
import { RotatedPods, rotationStanding } from './rotation/rotation-standing.ts';
import { makeSchedule } from './rotation/schedule.ts';

export type RotationPorts = Readonly<{
  config: RotationConfig;
  secret: Buffer;
  /** undefined where nobody is to prove anything afterwards. */
  book: RotationLog | undefined;
  metrics: AgentMetrics;
  election: LeaseElection;
  timers: Timers;
  /** The log could not be written: rotation goes on, and cannot be proven. */
  onUnwritten(error: unknown): void;
}>;

/** On the lease, by whoever wants nothing new to begin: its value is for people. */
const pausedAnnotation = 'testudo.io/rotation-paused';
/** On the lease, by whoever leads: how far the log reaches. Who keeps it finds a log that was cut off or written anew. */
const headAnnotation = 'testudo.io/rotation-log';

/** Rotation whose looks are counted, written down, and can be asked about. */
export function watchedRotation(ports: RotationPorts) {
  const { config, secret, book, metrics, election, timers, onUnwritten } = ports;
  const schedule = makeSchedule(secret, config);
  const { law, epochMs } = schedule;
  const { riskWeight, postureWeight } = config;
  const isPaused = () => election.annotationsSeen[pausedAnnotation] !== undefined;
  const part = rotationPart({ config, schedule, isPaused });
  let seen: Seen | null = null;
  const rotated = new RotatedPods(timers.now());
  let recorded: Recorded | undefined;
  const write = (facts: Facts, look: Seen) => {
    if (book === undefined) return;
    const opened: Said[] = recorded === undefined ? [{ kind: 'opened', law, epochMs, riskWeight, postureWeight }] : [];
    const looked = recordLook(recorded ?? book.recorded, facts, look, { secret, epochMs, law }, look.atMs);
    recorded = looked.recorded;
    book.append([...opened, ...looked.said], look.atMs).then((outcome) => {
      if (outcome === 'lost')
        recorded = undefined; // As after a restart: it says everything anew.
      else election.annotate(headAnnotation, book.head);
    }, onUnwritten);
  };
  const watched: Part<RotationState> = {
    ...part,
    step(state, facts, now) {
      const next = part.step(state, facts, now);
      seen = next.state.seen;
      if (seen !== null) {
        count(seen, metrics);
        write(facts, seen);
      }
      return next;
    },
    heard(state, action, done, now) {
      if (done.ok && action.kind === 'evictPod' && !action.dryRun) rotated.add(now);
      return part.heard(state, action, done, now);
    },
  };
  return {
    part: watched,
    page: () => rotationPage(seen),
    /** This agent leads no more: what it saw is of then, and the next leader counts it. */
    forget() {
      seen = null;
      count(nothingSeen, metrics);
    },
    /** What the coordinator hears; undefined where nothing is rotated. */
    standing: () => (config.mode === 'off' ? undefined : rotationStanding(config, seen, rotated, timers.now())),
    close: () => book?.close() ?? Promise.resolve(),
  };
}

const nothingSeen = { waits: [], breaches: [], inFlight: 0 };

function count(
  { waits, breaches, inFlight }: Pick<Seen, 'waits' | 'breaches' | 'inFlight'>,
  metrics: AgentMetrics,
): void {
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
function rotationPage(seen: Seen | null) {
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
