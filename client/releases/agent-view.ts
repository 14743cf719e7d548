import type { Fault } from '../../base/fault.ts';
import { trustedRoot } from '../../proto/release/trust.ts';
import type { AgentState, Because } from './agent-store.ts';
import type { TrackRotation } from './track-releases.ts';

export type Faulted = Readonly<{ fault: Fault; version: number | undefined; atMs: number }>;
export type FaultView = Readonly<{ code: string; message: string; at: string }>;

/** One track as `/score` shows it. */
export type TrackView = Readonly<{
  live: Readonly<{
    version: number;
    manifestDigest: string;
    because: Because | null;
    installedAt: string | null;
  }> | null;
  pinnedUntil: string | null;
  shadow: Readonly<{ version: number }> | null;
  /** Versions that a rollback needs no download for. */
  earlier: readonly number[];
  floor: number;
  lastFault: FaultView | null;
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
  tracks: Readonly<Record<string, TrackView>>;
}>;

/** What every part of the agent that is not a track has to say. */
export type AgentFacts = Readonly<{
  connected: boolean;
  reportsWaiting: number;
  state: AgentState;
  faultOf: (track: TrackRotation | undefined) => Faulted | undefined;
  nowMs: number;
}>;

export function viewOf(tracks: readonly TrackRotation[], facts: AgentFacts): AgentView {
  const { state, nowMs } = facts;
  const { trust, expiresAtMs } = state;
  return {
    connected: facts.connected,
    rootVersion: trust === null ? null : trustedRoot(trust).version,
    pinsVersion: trust?.accepted?.pins?.version ?? 0,
    metadataExpiresAt: dateOf(expiresAtMs),
    metadataExpired: expiresAtMs !== null && nowMs >= expiresAtMs,
    lastFault: faultView(facts.faultOf(undefined)),
    reportsWaiting: facts.reportsWaiting,
    tracks: Object.fromEntries(tracks.map((one) => [one.track, trackView(one, state, facts.faultOf(one))])),
  };
}

function trackView(rotation: TrackRotation, { trust, tracks }: AgentState, fault: Faulted | undefined): TrackView {
  const { live, shadow, track } = rotation;
  const held = tracks[track];
  // What is on disk speaks of what is live only where both are the same version.
  const stored = held?.live != null && held.live.target.version === live?.version ? held.live : null;
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
    shadow: shadow === undefined ? null : { version: shadow.version },
    earlier: (held?.earlier ?? []).map(({ target }) => target.version),
    floor: trust?.floors[track] ?? 0,
    lastFault: faultView(fault),
  };
}

function faultView(faulted: Faulted | undefined): FaultView | null {
  if (faulted === undefined) return null;
  const { fault, atMs } = faulted;
  return { code: fault.code, message: fault.message, at: new Date(atMs).toISOString() };
}

function dateOf(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
