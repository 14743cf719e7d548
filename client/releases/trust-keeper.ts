import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import type { FederationId } from '../../proto/ids.ts';
import type { ReleaseFaultCode } from '../../proto/release/faults.ts';
import { followRoots } from '../../proto/release/follow-roots.ts';
import { anchorTrust, type ReleaseTrust, trustedRoot } from '../../proto/release/trust.ts';
import { type ReceivedReleases, type ReleaseProposal, walkReleases } from '../../proto/release/walk.ts';
import type { AgentPorts } from './agent-ports.ts';
import type { AgentStore } from './agent-store.ts';

/**
 * What the agent trusts: on disk what passed every check, in memory also what was seen to be good in this run, so that
 * an older set is refused even before the newer one's files are here.
 */
export class TrustKeeper {
  readonly #store: AgentStore;
  readonly #ports: AgentPorts;
  readonly #anchorFile: Uint8Array | undefined;
  #seen: ReleaseTrust | null;
  /** Where trust began in this run, and the roots that have followed, until they are stored. */
  #anchor: ReleaseTrust | null = null;
  #roots: Uint8Array[] = [];

  constructor(store: AgentStore, ports: AgentPorts, anchorFile: Uint8Array | undefined) {
    this.#store = store;
    this.#ports = ports;
    this.#anchorFile = anchorFile;
    this.#seen = store.state.trust;
  }

  /** Whether this cluster has ever trusted signed metadata, or was given an anchor to do so. */
  get isAnchored(): boolean {
    return this.#seen !== null || this.#store.fault !== undefined || this.#anchorFile !== undefined;
  }

  /** 0 before the first root. */
  get rootVersion(): number {
    return this.#seen === null ? 0 : trustedRoot(this.#seen).version;
  }

  anchorFromFile(federation: FederationId): Result<undefined, ReleaseFaultCode> {
    if (this.#seen !== null || this.#anchorFile === undefined) return ok(undefined);
    return this.#anchorTo(this.#anchorFile, federation, 'file');
  }

  /** Checks a set as it comes: the proposal, or null where only roots came. Nothing that is refused is kept. */
  take(received: ReceivedReleases, federation: FederationId): Result<ReleaseProposal | null, ReleaseFaultCode> {
    if (this.#seen === null) {
      const [first] = received.roots;
      if (first === undefined) return refuse('ROOT_SKIPPED', 'the first set of all holds no root to begin with');
      const anchored = this.#anchorTo(first, federation, 'connection');
      if (!anchored.ok) return anchored;
    }
    const seen = this.#seen as unknown as ReleaseTrust;
    const { rooted, result } = walkReleases(seen, received, this.#ports.timers.now());
    if (rooted !== seen) this.#roots.push(...received.roots);
    this.#seen = result.ok && result.value !== null ? result.value.next : rooted;
    return result;
  }

  /** Newer roots are stored before anything else, whatever came with them: they may take a stolen key away. */
  async storeRoots(): Promise<void> {
    const trust = this.#store.state.trust ?? this.#anchor;
    if (trust === null) return;
    const rooted = followRoots(trust, this.#roots).trust;
    this.#roots = [];
    await this.#store.save({ ...this.#store.state, federation: rooted.federation, trust: rooted });
  }

  /** The same set again, by the trust on disk and the time of now. */
  check(received: ReceivedReleases): Result<ReleaseProposal | null, ReleaseFaultCode> {
    const { trust } = this.#store.state;
    if (trust === null) throw new Error('a set is checked again before its roots were stored');
    return walkReleases(trust, received, this.#ports.timers.now()).result;
  }

  #anchorTo(
    bytes: Uint8Array,
    federation: FederationId,
    by: 'file' | 'connection',
  ): Result<undefined, ReleaseFaultCode> {
    const anchored = anchorTrust(bytes);
    if (!anchored.ok) return anchored;
    const { version } = trustedRoot(anchored.value);
    const fault = faultOfAnchor(anchored.value.federation, version, federation, by);
    if (fault !== undefined) return { ok: false, fault };
    this.#seen = anchored.value;
    this.#anchor = anchored.value;
    this.#ports.report({ kind: 'anchored', rootVersion: version, by });
    return ok(undefined);
  }
}

/** The first root of all comes over the connection that the join token authenticated, and only as version 1. */
function faultOfAnchor(
  theirs: FederationId,
  version: number,
  own: FederationId,
  by: 'file' | 'connection',
): Fault<'METADATA_INVALID' | 'ROOT_SKIPPED'> | undefined {
  if (theirs !== own) {
    return refuse('METADATA_INVALID', `the root is of federation ${theirs}; this cluster is a member of ${own}`).fault;
  }
  if (by === 'file' || version === 1) return undefined;
  return refuse('ROOT_SKIPPED', `the first root of all is version ${version}; it must be 1, or come as trustAnchor`)
    .fault;
}
