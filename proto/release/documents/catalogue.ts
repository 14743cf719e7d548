import type { ClusterId, Digest, TrackId } from '../../ids.ts';

/** Whom an assignment or a pin is for: one cluster, or all that carry a label. */
export type Subject = Readonly<{ cluster: ClusterId } | { label: Readonly<{ key: string; value: string }> }>;

/** A named pointer at a version. */
export type Channel = Readonly<{
  version: number;
  /** For a canary channel: the channel whose version its members keep live while this one runs in shadow. */
  shadows: string | null;
}>;

/** What the release role says of one track. */
export type TrackReleases = Readonly<{
  /** Agents run no version below this one, except by a pin that says so. Only grows. */
  floor: number;
  /** Versions that no agent may run, ascending. */
  revoked: readonly number[];
  /** By name; always holds `stable` once a version was released. */
  channels: Readonly<Record<string, Channel>>;
}>;

/** The first that fits a cluster decides its channel; without one it is `stable`. */
export type Assignment = Readonly<{ track: TrackId; channel: string; subject: Subject }>;

export type ReleaseTarget = Readonly<{
  track: TrackId;
  version: number;
  /** Of the release's manifest, which lists every other file. */
  manifest: Readonly<{ digest: Digest; bytes: number }>;
}>;

/** TUF's targets role (TUF 1.0.34, section 4.5), opened: everything the coordinator's release key vouches for. */
export type Catalogue = Readonly<{
  version: number;
  expiresAtMs: number;
  tracks: Readonly<Record<TrackId, TrackReleases>>;
  assignments: readonly Assignment[];
  releases: readonly ReleaseTarget[];
}>;

export type Pin = Readonly<{
  /** 1 to 32 of a-z and 0-9. */
  pinId: string;
  track: TrackId;
  subject: Subject;
  version: number;
  /** Milliseconds since the epoch; null for no end. */
  untilMs: number | null;
  /** Whether the pin may hold a version below the track's floor: the signed exception. */
  belowFloor: boolean;
  reason: string;
  /** The operator who asked for it. */
  setBy: string;
}>;

/** Holds clusters to one antibody, in use or out of it, whatever their releases bring. */
export type AntibodyPin = Readonly<{
  /** As a pin's, and of no other pin of the set. */
  pinId: string;
  track: TrackId;
  /** null: every cluster. */
  subject: Subject | null;
  antibody: Digest;
  /** Length of the antibody's own file. */
  bytes: number;
  /** true: it is used past its end and its revocation, where own normal examples do not refuse it; false: it is not used. */
  inUse: boolean;
  /** Milliseconds since the epoch; null for no end. */
  untilMs: number | null;
  reason: string;
  setBy: string;
}>;

/** The pins role, opened: signed by operators, so that no coordinator can make or lift a pin. */
export type Pins = Readonly<{
  version: number;
  expiresAtMs: number;
  pins: readonly Pin[];
  /** Absent where there are none: agents of before there were any let them be. */
  antibodies?: readonly AntibodyPin[] | undefined;
  /** What may be done to pods (response-policy.ts), as it was signed: not read yet. */
  response?: Readonly<Record<string, unknown>> | undefined;
}>;
