import type { Log } from '../base/log.ts';
import type { Timers } from '../base/time.ts';
import type { TrackId } from '../proto/ids.ts';
import type { ObservedFlow } from './events/flow-record.ts';
import type { IntrusionLabel, SourceItem } from './events/source-item.ts';
import type { LocalTrack } from './learning/local-track.ts';
import type { ClientMetrics } from './observability/metrics.ts';
import type { SourceConfig } from './sources/source-config.ts';
import type { Surroundings } from './tracks/track-kind.ts';

/** What is read of the settings of a client, or of a sensor. */
export type IngestSettings = Readonly<{
  dataDirectory: string;
  sources: readonly SourceConfig[];
  health: Readonly<{ sourceSilentMinutesMax: number | null }>;
  /** Whether flows come from sensors too. */
  hub?: unknown;
}>;

export type IngestPorts = Readonly<{
  config: IngestSettings;
  tracks: ReadonlyMap<TrackId, LocalTrack>;
  metrics: ClientMetrics;
  log: Log;
  timers: Timers;
  /** Judges what happens; returns examples that are normal as far as anybody knows: they are what is learnt from. */
  judge(track: LocalTrack, observations: readonly unknown[]): Promise<readonly unknown[]>;
  /** The latest risk of a workload by the tracks that watch this, 1 being their threshold. */
  riskOf: Surroundings['riskOf'];
  /** What a workload's pods are exposed by, where pods are watched. */
  exposedBy: NonNullable<Surroundings['exposedBy']>;
  /** Of hashes that tracks keep of who somebody is. */
  salt: Surroundings['salt'];
  onLabel(label: IntrusionLabel): void;
  /** Hears every flow that is not of a recording. */
  onFlow(flow: ObservedFlow): void;
  /** What of these items is looked at; all of them unless given. */
  through?(items: readonly SourceItem[]): readonly SourceItem[];
  /** How long observations may wait for others before they are judged; the reader's own time unless given. */
  handOnMs?: number;
}>;
