import { instantText } from '../../base/text/instant-text.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { AntibodyPin } from '../../proto/release/documents/catalogue.ts';
import { trustedRoot } from '../../proto/release/trust.ts';
import type { Because } from './agent-store.ts';
import { type Agent, type Faulted, floorOf, heldOf, runningOf } from './decide/agent.ts';

export type FaultView = Readonly<{ code: string; message: string; at: string }>;

/** One antibody that is held in use or out of it. */
export type AntibodyPinView = Readonly<
  Pick<AntibodyPin, 'pinId' | 'antibody' | 'inUse' | 'reason' | 'setBy'> & {
    until: string | null;
    /** False where it is to be used and could not be had yet. */
    followed: boolean;
  }
>;

/** One track as `/score` shows it. */
export type TrackView = Readonly<{
  live: Readonly<{
    version: number;
    manifestDigest: string;
    because: Because | null;
    installedAt: string | null;
  }> | null;
  pinnedUntil: string | null;
  /** What operators hold this cluster to of its antibodies. */
  antibodyPins: readonly AntibodyPinView[];
  shadow: Readonly<{ version: number }> | null;
  /** Versions that a rollback needs no download for. */
  earlier: readonly number[];
  floor: number;
  lastFault: FaultView | null;
  /** What the live model's calibration says of itself, a sentence each. */
  remarks: readonly string[];
}>;

export type AgentView = Readonly<{
  connected: boolean;
  /** null before the first contact. */
  rootVersion: number | null;
  pinsVersion: number;
  metadataExpiresAt: string | null;
  metadataExpired: boolean;
  lastFault: FaultView | null;
  reportsWaiting: number;
  /** Stored states, by their paths, that did not read back and were set aside for their copies. */
  setAside: readonly string[];
  tracks: Readonly<Record<string, TrackView>>;
}>;

export function viewOf(
  agent: Agent,
  rest: Pick<AgentView, 'reportsWaiting' | 'setAside'>,
  nowMs: number,
  remarks: ReadonlyMap<TrackId, readonly string[]> = new Map(),
): AgentView {
  const { trust, expiresAtMs } = agent.stored;
  return {
    connected: agent.connected,
    rootVersion: trust === null ? null : trustedRoot(trust).version,
    pinsVersion: trust?.accepted?.pins?.version ?? 0,
    metadataExpiresAt: dateOf(expiresAtMs),
    metadataExpired: expiresAtMs !== null && nowMs >= expiresAtMs,
    lastFault: faultView(agent.faults.get(undefined)),
    ...rest,
    tracks: Object.fromEntries(
      agent.tracks.map((track) => [track, { ...trackView(agent, track), remarks: remarks.get(track) ?? [] }]),
    ),
  };
}

function trackView(agent: Agent, track: TrackId): Omit<TrackView, 'remarks'> {
  const running = runningOf(agent, track);
  const live = running.live?.release.target;
  const shadow = running.shadow?.release.target;
  const held = heldOf(agent.stored, track);
  // What is on disk speaks of what is live only where both are the same version.
  const stored = held.live !== null && held.live.target.version === live?.version ? held.live : null;
  const because = stored?.because ?? null;
  return {
    live:
      live === undefined
        ? null
        : {
            version: live.version,
            manifestDigest: live.manifest.digest,
            because,
            installedAt: dateOf(stored?.installedAtMs ?? null),
          },
    pinnedUntil: because?.kind === 'pin' ? dateOf(because.untilMs) : null,
    antibodyPins: (stored?.antibodyPins ?? []).map(({ pinId, antibody, inUse, reason, setBy, untilMs }) => {
      const followed = running.live?.release.antibodyPins.some((one) => one.pinId === pinId) === true;
      return { pinId, antibody, inUse, reason, setBy, until: dateOf(untilMs), followed };
    }),
    shadow: shadow === undefined ? null : { version: shadow.version },
    earlier: held.earlier.map(({ target }) => target.version),
    floor: floorOf(agent.stored, track),
    lastFault: faultView(agent.faults.get(track)),
  };
}

function faultView(faulted: Faulted | undefined): FaultView | null {
  if (faulted === undefined) return null;
  const { fault, atMs } = faulted;
  return { code: fault.code, message: fault.message, at: new Date(atMs).toISOString() };
}

function dateOf(milliseconds: number | null): string | null {
  return milliseconds === null ? null : instantText(milliseconds);
}
