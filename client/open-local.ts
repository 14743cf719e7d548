import { sweepLeftovers } from '../base/atomic-file.ts';
import { ok, type Result } from '../base/fault.ts';
import { type FolderLock, lockFolder } from '../base/folder-lock.ts';
import type { Log } from '../base/log.ts';
import type { TrackId } from '../proto/ids.ts';
import type { ClientConfig } from './config.ts';
import { type LocalTrack, type OpenTrackFaultCode, openTracks } from './learning/local-track.ts';
import { readTrustAnchor } from './releases/trust-anchor.ts';
import { type DataKeyFault, loadDataKey } from './storage/data-key.ts';

export type LocalParts = Readonly<{
  lock: FolderLock;
  dataKey: Buffer;
  tracks: ReadonlyMap<TrackId, LocalTrack>;
  /** Root metadata that came by hand. */
  trustAnchor: Uint8Array | undefined;
}>;

/** Why a client cannot stand on what its configuration names. */
type OpenLocalFaultCode = 'ANCHOR_UNREADABLE' | DataKeyFault | OpenTrackFaultCode;
export type StartFaultCode = OpenLocalFaultCode | 'FOLDER_IN_USE' | 'FOLDER_UNUSABLE' | 'DISK_FULL';

/** What a client stands on: its folder, which is its alone from now on, its key, its tracks. Holds nothing where it refuses. */
export async function openLocal(
  config: ClientConfig,
  log: Log,
  nowMs: number,
): Promise<Result<LocalParts, StartFaultCode>> {
  const lock = lockFolder(config.dataDirectory);
  if (!lock.ok) return lock;
  const opened = await openWithin(config, log, nowMs);
  if (opened.ok) return ok({ lock: lock.value, ...opened.value });
  lock.value.release();
  return opened;
}

async function openWithin(
  config: ClientConfig,
  log: Log,
  nowMs: number,
): Promise<Result<Omit<LocalParts, 'lock'>, OpenLocalFaultCode>> {
  const trustAnchor = await readTrustAnchor('agent.trustAnchor', config.agent.trustAnchor);
  if (!trustAnchor.ok) return trustAnchor;
  const dataKey = await loadDataKey(config.dataKey, config.dataDirectory);
  if (!dataKey.ok) return dataKey;
  const swept = await sweepLeftovers(config.dataDirectory);
  if (swept > 0) log.info({ files: swept }, 'what an earlier client left half-written was removed');
  const tracks = await openTracks(config, dataKey.value, nowMs);
  if (!tracks.ok) return tracks;
  return ok({ dataKey: dataKey.value, tracks: tracks.value, trustAnchor: trustAnchor.value });
}
