import { jsonPage, type Pages } from '../../base/serving/http-server.ts';
import type { AgentConfig } from './agent-config.ts';
import type { AgentMetrics } from './agent-metrics.ts';
import type { LeaseElection } from './cluster/lease.ts';
import type { Part } from './part.ts';
import { rotationPart } from './rotation/rotation.ts';
import { makeSchedule } from './rotation/schedule.ts';
import { rotationPage, watchedRotation } from './rotation-view.ts';

export type PartsPorts = Readonly<{
  config: AgentConfig;
  metrics: AgentMetrics;
  election: LeaseElection;
  /** What draws lifetimes. */
  rotationSecret: Buffer;
}>;

/** On the lease, by whoever wants nothing new to begin: its value is for people. */
const pausedAnnotation = 'testudo.io/rotation-paused';

// biome-ignore lint/suspicious/noExplicitAny: each part's state is its own.
type AnyPart = Part<any, any>;

/** Everything that the agent does, and what it serves about it. */
export function openParts({ config, election, metrics, rotationSecret }: PartsPorts) {
  const { rotation: settings } = config;
  const isPaused = () => election.annotationsSeen[pausedAnnotation] !== undefined;
  const rotation = rotationPart({ config: settings, schedule: makeSchedule(rotationSecret, settings), isPaused });
  const watched = watchedRotation(rotation, metrics);
  const parts: readonly AnyPart[] = settings.mode === 'off' ? [] : [watched.part];
  const pages: Pages = { '/rotation': () => jsonPage(rotationPage(watched.seen())) };
  return { parts, pages };
}
