import { type Fault, ok, type Result, refuse } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { FederationId } from '../../../proto/ids.ts';
import { antibodyPinsFor } from '../../../proto/release/antibody-pins.ts';
import type { ReleaseFaultCode } from '../../../proto/release/faults.ts';
import { followRoots } from '../../../proto/release/follow-roots.ts';
import { resolveRelease } from '../../../proto/release/resolve.ts';
import { anchorTrust, type ReleaseTrust, trustedRoot } from '../../../proto/release/trust.ts';
import { type ReleaseProposal, walkReleases } from '../../../proto/release/walk.ts';
import type { AgentState } from '../agent-store.ts';
import type { Agent, Latest, Said } from './agent.ts';
import { type AgentEffect, inTurn, type Step, stay, tell } from './effects.ts';
import { refused } from './news.ts';

/** A set as it comes, checked at once: nothing that is refused is kept, and an older set cannot follow a newer one. */
export function take(agent: Agent, { received, labels }: Latest, nowMs: EpochMs): Step {
  const { who } = agent;
  if (who === undefined) return stay(agent);
  const [first] = received.roots;
  const anchoring = agent.seen === null ? anchorTo(agent, first, who.federation, 'connection') : ok(stay(agent));
  if (!anchoring.ok) return hangUp(agent, anchoring.fault, nowMs);
  const { agent: anchored, effects } = anchoring.value;
  const seen = anchored.seen as ReleaseTrust;
  const { rooted, result } = walkReleases(seen, received, nowMs);
  const roots = rooted === seen ? anchored.roots : [...anchored.roots, ...received.roots];
  const followed = { ...anchored, roots, seen: result.ok && result.value !== null ? result.value.next : rooted };
  const taken = (): Step => {
    // Also after a refusal: the roots that came with it count.
    if (!result.ok) return hangUp({ ...followed, asked: true }, result.fault, nowMs);
    if (result.value === null) return stay({ ...followed, asked: true });
    const { expiresAtMs, pins } = result.value;
    const checked = tell({ kind: 'checked', expiresAtMs, pinsVersion: pins.version });
    return checked({ ...followed, latest: { received, labels }, asked: true });
  };
  return inTurn(followed, (now) => ({ agent: now, effects }), taken);
}

function hangUp(agent: Agent, fault: Fault, nowMs: EpochMs): Step {
  const hanging: AgentEffect = { kind: 'hangUp', fault };
  return inTurn(agent, refused(fault, { track: undefined, nowMs }), (now) => ({ agent: now, effects: [hanging] }));
}

/** A root that came by hand is trusted before any other. */
export function anchorByHand(agent: Agent, federation: FederationId): Result<Step, ReleaseFaultCode> {
  if (agent.seen !== null || agent.anchorFile === undefined) return ok(stay(agent));
  return anchorTo(agent, agent.anchorFile, federation, 'file');
}

/** The state with newer roots in it, which is stored before anything else: they may take a stolen key away. */
export function withRoots({ stored, anchor, roots }: Agent): AgentState | undefined {
  const trust = stored.trust ?? anchor;
  if (trust === null || (stored.trust !== null && roots.length === 0)) return undefined;
  const rooted = followRoots(trust, roots).trust;
  return { ...stored, federation: rooted.federation, trust: rooted };
}

/** The newest set again, by the trust on disk and the time of now. */
export function check({ stored, latest }: Agent, nowMs: EpochMs): Result<ReleaseProposal | null, ReleaseFaultCode> {
  if (latest === null) return ok(null);
  if (stored.trust === null) throw new Error('a set is checked again before its roots were stored');
  return walkReleases(stored.trust, latest.received, nowMs).result;
}

/** What it says of every track; a track that may run nothing of it is refused. */
export function sayings(
  agent: Agent,
  { catalogue, pins }: ReleaseProposal,
  nowMs: EpochMs,
): Step & Readonly<{ said: readonly Said[] }> {
  const { who, latest, tracks } = agent;
  const said: Said[] = [];
  if (who === undefined || latest === null) return { agent, effects: [], said };
  const member = { cluster: who.cluster, labels: latest.labels };
  const step = inTurn(
    agent,
    ...tracks.map((track) => (now: Agent): Step => {
      const resolution = resolveRelease(member, track, catalogue, pins, nowMs);
      if (!resolution.ok) return refused(resolution.fault, { track, nowMs })(now);
      const antibodyPins = antibodyPinsFor(member, track, pins, nowMs);
      said.push({ track, resolution: resolution.value, antibodyPins });
      return stay(now);
    }),
  );
  return { ...step, said };
}

/** Whether a newer set says the same of every track as the one that files were fetched for. */
export function saysTheSame(a: readonly Said[], b: readonly Said[]): boolean {
  const text = (all: readonly Said[]) =>
    JSON.stringify(
      all.map(({ track, resolution: { live, shadow, because }, antibodyPins }) => {
        return [track, live, shadow, because, antibodyPins];
      }),
    );
  return text(a) === text(b);
}

/** The first root of all comes over the connection that the join token authenticated, and only as version 1. */
function anchorTo(
  agent: Agent,
  bytes: Uint8Array | undefined,
  own: FederationId,
  by: 'file' | 'connection',
): Result<Step, ReleaseFaultCode> {
  if (bytes === undefined) return refuse('ROOT_SKIPPED', 'the first set of all holds no root to begin with');
  const anchored = anchorTrust(bytes);
  if (!anchored.ok) return anchored;
  const { federation } = anchored.value;
  if (federation !== own) {
    return refuse('METADATA_INVALID', `the root is of federation ${federation}; this cluster is a member of ${own}`);
  }
  const { version } = trustedRoot(anchored.value);
  if (by === 'connection' && version !== 1) {
    return refuse('ROOT_SKIPPED', `the first root of all is version ${version}; it must be 1, or come as trustAnchor`);
  }
  const told = tell({ kind: 'anchored', rootVersion: version, by });
  return ok(told({ ...agent, seen: anchored.value, anchor: anchored.value }));
}
