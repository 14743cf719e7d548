import { jsonPage, type Pages } from '../../base/serving/http-server.ts';
import type { AgentConfig } from './agent-config.ts';
import type { AgentMetrics } from './agent-metrics.ts';
import type { LeaseElection } from './cluster/lease.ts';
import type { Part } from './part.ts';
import type { Quarantine } from './quarantine/quarantine.ts';
import { rotationPart } from './rotation/rotation.ts';
import { makeSchedule } from './rotation/schedule.ts';
import { rotationPage, watchedRotation } from './rotation-view.ts';

export type PartsPorts = Readonly<{
  config: AgentConfig;
  metrics: AgentMetrics;
  election: LeaseElection;
  /** What draws lifetimes. */
  rotationSecret: Buffer;
  /** undefined where the agent quarantines nothing. */
  quarantine: Quarantine | undefined;
}>;

/** On the lease, by whoever wants nothing new to begin: its value is for people. */
const pausedAnnotation = 'testudo.io/rotation-paused';

// biome-ignore lint/suspicious/noExplicitAny: each part's state is its own.
type AnyPart = Part<any, any>;

/** Everything that the agent does, and what it serves about it. */
export function openParts({ config, election, metrics, rotationSecret, quarantine }: PartsPorts) {
  const { rotation: settings } = config;
  const isPaused = () => election.annotationsSeen[pausedAnnotation] !== undefined;
  const rotation = rotationPart({ config: settings, schedule: makeSchedule(rotationSecret, settings), isPaused });
  const watched = watchedRotation(rotation, metrics);
  // Who is suspect goes first: what rotates next is looked at with its mark on it.
  const parts: AnyPart[] = quarantine === undefined ? [] : [quarantine.part];
  if (settings.mode !== 'off') parts.push(watched.part);
  const pages: Pages = {
    '/rotation': () => jsonPage(rotationPage(watched.seen())),
    ...(quarantine === undefined ? {} : { '/quarantine': () => jsonPage(quarantine.page()) }),
  };
  return { parts, pages };
}
