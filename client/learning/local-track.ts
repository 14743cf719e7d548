import { join } from 'node:path';
import { ok, type Result } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { Baseline, TrackKind } from '../tracks/track-kind.ts';
import { importTrackKind, moduleOfKind } from '../tracks/track-kinds.ts';
import { type BufferFault, type BufferSizes, ExampleBuffer } from './example-buffer.ts';
import { PrivacyLedger, type PrivacyLimits } from './privacy-ledger.ts';

/** A track in one client: what kind it is, and what it keeps on disk. */
export type LocalTrack = Readonly<{
  id: TrackId;
  kind: TrackKind;
  /** URL of the kind's module, for the training process and the scoring thread. */
  kindModule: string;
  buffer: ExampleBuffer;
  bufferPath: string;
  ledger: PrivacyLedger;
  /** From the configured baselines; undefined where there are none or the kind takes none. */
  baseline: Baseline<unknown, unknown> | undefined;
}>;

/** What of the client's configuration says which tracks it runs and what they keep. */
export type TrackSettings = Readonly<{
  dataDirectory: string;
  tracks: readonly Readonly<{ id: TrackId; folder: string }>[];
  baselines: readonly string[];
  buffer: BufferSizes;
  privacy: PrivacyLimits;
}>;

export type OpenTrackFaultCode = BufferFault | 'BASELINE_UNREADABLE';

/** Opens every configured track, or none. Whoever opens them closes their buffers. */
export async function openTracks(
  settings: TrackSettings,
  dataKey: Uint8Array,
  nowMs: EpochMs,
): Promise<Result<ReadonlyMap<TrackId, LocalTrack>, OpenTrackFaultCode>> {
  const tracks = new Map<TrackId, LocalTrack>();
  for (const one of settings.tracks) {
    const opened = await openTrack(settings, one, dataKey, nowMs);
    if (!opened.ok) {
      for (const { buffer } of tracks.values()) buffer.close();
      return opened;
    }
    tracks.set(one.id, opened.value);
  }
  return ok(tracks);
}

async function openTrack(
  settings: TrackSettings,
  { id, folder }: TrackSettings['tracks'][number],
  dataKey: Uint8Array,
  nowMs: EpochMs,
): Promise<Result<LocalTrack, OpenTrackFaultCode>> {
  const kindModule = moduleOfKind(folder);
  if (kindModule === undefined) throw new Error(`${folder} was there when the configuration was read`);
  const kind = await importTrackKind(kindModule);
  const baseline = await loadBaseline(kind, settings.baselines);
  if (!baseline.ok) return baseline;
  const bufferPath = join(settings.dataDirectory, 'examples', `${id}.db`);
  const buffer = ExampleBuffer.open(bufferPath, dataKey, kind.examples, settings.buffer);
  if (!buffer.ok) return buffer;
  const added = buffer.value.add(baseline.value?.examples ?? [], nowMs);
  if (!added.ok) {
    buffer.value.close();
    return added;
  }
  const ledger = await PrivacyLedger.open(join(settings.dataDirectory, `privacy-${id}.json`), settings.privacy);
  return ok({ id, kind, kindModule, buffer: buffer.value, bufferPath, ledger, baseline: baseline.value });
}

async function loadBaseline(
  kind: TrackKind,
  paths: readonly string[],
): Promise<Result<LocalTrack['baseline'], 'BASELINE_UNREADABLE'>> {
  if (paths.length === 0 || kind.loadBaselines === undefined) return ok(undefined);
  return await kind.loadBaselines(paths);
}
