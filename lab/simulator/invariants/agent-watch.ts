import { type Agent, floorOf, heldOf, runningOf } from '../../../client/releases/decide/agent.ts';
import type { AgentEffect } from '../../../client/releases/decide/effects.ts';
import type { ClusterId, TrackId } from '../../../proto/ids.ts';
import type { Assignment, Channel, Pin } from '../../../proto/release/documents/catalogue.ts';
import type { ReceivedReleases } from '../../../proto/release/walk.ts';
import type { Report } from '../violation.ts';
import type { ReleaseBook } from './release-book.ts';

/** What a set says of one track, read without the code that agents read it with. */
export type PlainSet = Readonly<{
  floor: number;
  revoked: readonly number[];
  channels: Readonly<Record<string, Channel>>;
  assignments: readonly Assignment[];
  versions: ReadonlySet<number>;
  pins: readonly Pin[];
}>;

export function plainSet(received: ReceivedReleases, track: TrackId): PlainSet | undefined {
  if (received.catalogue.byteLength === 0) return undefined;
  const catalogue = signedPart(received.catalogue) as {
    releases: {
      tracks: Record<string, Omit<PlainSet, 'assignments' | 'versions' | 'pins'>>;
      assignments: Assignment[];
    };
    targets: Record<string, unknown>;
  };
  const ofTrack = catalogue.releases.tracks[track];
  if (ofTrack === undefined) return undefined;
  const versions = Object.keys(catalogue.targets).flatMap((path) => path.match(/\d+/g)?.map(Number) ?? []);
  const pins = received.pins.byteLength === 0 ? [] : (signedPart(received.pins) as { pins: Pin[] }).pins;
  return { ...ofTrack, assignments: catalogue.releases.assignments, versions: new Set(versions), pins };
}

function signedPart(bytes: Uint8Array): unknown {
  return (JSON.parse(Buffer.from(bytes).toString('utf8')) as { signed: unknown }).signed;
}

/** What a cluster must run by a set: the last legal pin of its own, or its channel. Undefined where nothing is legal. */
export function mustRun(set: PlainSet, cluster: ClusterId, track: TrackId, nowMs: number): number | undefined {
  const mayRun = (version: number, belowFloor: boolean) =>
    set.versions.has(version) && !set.revoked.includes(version) && (belowFloor || version >= set.floor);
  for (const pin of set.pins.toReversed()) {
    const isOwn = pin.track === track && 'cluster' in pin.subject && pin.subject.cluster === cluster;
    if (isOwn && (pin.untilMs === null || nowMs < pin.untilMs) && mayRun(pin.version, pin.belowFloor))
      return pin.version;
  }
  const isOwn = ({ track: of, subject }: Assignment) =>
    of === track && 'cluster' in subject && subject.cluster === cluster;
  const name = set.assignments.find(isOwn)?.channel ?? 'stable';
  const own = set.channels[name];
  const live = own?.shadows == null ? own : set.channels[own.shadows];
  return live !== undefined && mayRun(live.version, false) ? live.version : undefined;
}

/** What holds of every agent after each of its steps (I7). */
export class AgentWatch {
  readonly #report: Report;
  readonly #releases: ReleaseBook;
  readonly #track: TrackId;
  /** The highest floor that each agent ever had on its disk. */
  readonly #floors = new Map<ClusterId, number>();
  readonly #metadata = new Map<ClusterId, number>();

  constructor(report: Report, releases: ReleaseBook, track: TrackId) {
    this.#report = report;
    this.#releases = releases;
    this.#track = track;
  }

  stepped(cluster: ClusterId, before: Agent, after: Agent, effects: readonly AgentEffect[], nowMs: number): void {
    const track = this.#track;
    const floor = floorOf(after.stored, track);
    if (floor < (this.#floors.get(cluster) ?? 0)) this.#report('AGENT_FORGOT_FLOOR', `${cluster}: ${floor}`);
    this.#floors.set(cluster, Math.max(floor, this.#floors.get(cluster) ?? 0));
    const accepted = after.stored.trust?.accepted?.timestamp?.version ?? 0;
    if (accepted < (this.#metadata.get(cluster) ?? 0)) this.#report('AGENT_WENT_BACK', `${cluster}: set ${accepted}`);
    this.#metadata.set(cluster, accepted);
    const { digest } = after.stored.trust?.accepted?.timestamp ?? {};
    if (digest !== undefined && !this.#releases.timestamps.has(digest)) {
      this.#report('AGENT_TRUSTS_FORGED', `${cluster}: a set that no coordinator has signed`);
    }
    const [ran, runs] = [runningOf(before, track).live, runningOf(after, track).live];
    if (ran !== null && runs === null) this.#report('AGENT_DARK', `${cluster} runs nothing any more`);
    for (const effect of effects) {
      if (effect.kind !== 'tell') continue;
      if (effect.event.kind === 'restored') this.#restored(cluster, after, effect.event.version);
      if (effect.event.kind === 'installed') this.#installed(cluster, after, effect.event, nowMs);
    }
  }

  #restored(cluster: ClusterId, { stored }: Agent, version: number): void {
    const { live } = heldOf(stored, this.#track);
    if (version !== live?.target.version && version < floorOf(stored, this.#track)) {
      this.#report('AGENT_RAN_ILLEGAL', `${cluster} restores ${version} below its floor`);
    }
  }

  #installed(
    cluster: ClusterId,
    agent: Agent,
    { version, because }: Extract<Extract<AgentEffect, { kind: 'tell' }>['event'], { kind: 'installed' }>,
    nowMs: number,
  ): void {
    const live = runningOf(agent, this.#track).live?.release;
    if (live?.target.manifest.digest !== this.#releases.manifests.get(version)) {
      this.#report('AGENT_RAN_UNSIGNED', `${cluster} installs a ${version} that nobody published`);
    }
    const set = agent.latest && plainSet(agent.latest.received, this.#track);
    if (!set) return;
    const mayBeBelow =
      because.kind === 'pin' && set.pins.some(({ pinId, belowFloor }) => pinId === because.pinId && belowFloor);
    const isBelow = version < Math.max(floorOf(agent.stored, this.#track), 0) && !mayBeBelow;
    // A newer set may have come while this one was being installed: the next turn looks at it.
    const isOvertaken = agent.asked;
    if (isBelow || (set.revoked.includes(version) && !isOvertaken)) {
      this.#report('AGENT_RAN_ILLEGAL', `${cluster} installs ${version} for ${because.kind}, floor ${set.floor}`);
    }
    if (!isOvertaken && floorOf(agent.stored, this.#track) < set.floor) {
      this.#report('AGENT_FORGOT_FLOOR', `${cluster} keeps no floor of ${set.floor}`);
    }
    const must = mustRun(set, cluster, this.#track, nowMs);
    if (!isOvertaken && must !== undefined && must !== version) {
      this.#report('PIN_IGNORED', `${cluster} installs ${version} where the set says ${must}`);
    }
  }
}
