import { type Fault, refuse } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import type { ClusterId, Digest, TrackId } from '../../../proto/ids.ts';
import { antibodyPinsFor } from '../../../proto/release/antibody-pins.ts';
import type { AntibodyPin, ReleaseTarget } from '../../../proto/release/documents/catalogue.ts';
import { resolveRelease } from '../../../proto/release/resolve.ts';
import { type FilesByDigest, fetchRelease } from '../../releases/fetch-release.ts';
import type { ReleaseFiles } from '../../releases/release-files.ts';
import type { ReleasesRelay } from './releases-relay.ts';

export type FetchAheadParts = Readonly<{
  relay: ReleasesRelay;
  /** The same as the hub's own agent's: nothing is fetched twice. */
  files: ReleaseFiles;
  tracks: readonly TrackId[];
  /** Undefined until the cluster is a member of a federation. */
  who(): Readonly<{ cluster: ClusterId }> | undefined;
  /** What could not be fetched: the hub's own agent tries again. */
  onFailed(track: TrackId, version: number, fault: Fault): void;
  timers: Timers;
}>;

const pace = { stallMs: 20_000, bytesPerSecondMin: 16 * 1_024, lightAlone: true };

/**
 * Has the files that sensors ask for from the moment on in which a release is signed: the hub's own agent may still be
 * loading and calibrating the one before, and no sensor waits for that. Fetches only what signed metadata gives this
 * cluster, which its agent fetches too. Resolves when `signal` aborts.
 */
export async function fetchAhead(parts: FetchAheadParts, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  while (!signal.aborted) {
    const news = parts.relay.next();
    await fetchWanted(parts, signal);
    await Promise.race([news, aborted]);
  }
}

async function fetchWanted(parts: FetchAheadParts, signal: AbortSignal): Promise<void> {
  const { relay, files, timers, onFailed } = parts;
  const { newest, calls } = relay;
  if (newest === undefined || calls === undefined) return;
  const ahead = new Set<Digest>();
  files.keepAhead(ahead);
  const kept: FilesByDigest = {
    path: (digest) => files.path(digest),
    fetch: (from, wanted, pace) => {
      ahead.add(wanted.digest);
      return files.fetch(from, wanted, pace);
    },
  };
  for (const { target, antibodyPins } of wantedOf(parts)) {
    const { track, version } = target;
    const how = { ...pace, antibodyPins, signal, timers };
    const fetched = await fetchRelease(kept, calls, target, newest.next.federation, how).catch((error: Error) =>
      refuse('FETCH_THREW', error.message),
    );
    if (!fetched.ok && !signal.aborted) onFailed(track, version, fetched.fault);
  }
}

/** What a sensor of this cluster makes of the newest set: the live versions first. */
function wantedOf({ relay, tracks, who, timers }: FetchAheadParts): readonly Ahead[] {
  const [member, set] = [who(), relay.newest];
  if (member === undefined || set === undefined) return [];
  const asked = { cluster: member.cluster, labels: relay.labels };
  const nowMs = timers.now();
  const known = tracks.flatMap((track) => {
    const resolved = resolveRelease(asked, track, set.catalogue, set.pins, nowMs);
    const antibodyPins = antibodyPinsFor(asked, track, set.pins, nowMs);
    return resolved.ok ? [{ ...resolved.value, antibodyPins }] : [];
  });
  return [
    ...known.map(({ live, antibodyPins }) => ({ target: live, antibodyPins })),
    ...known.flatMap(({ shadow, antibodyPins }) => (shadow === null ? [] : [{ target: shadow.target, antibodyPins }])),
  ];
}

type Ahead = Readonly<{ target: ReleaseTarget; antibodyPins: readonly AntibodyPin[] }>;
