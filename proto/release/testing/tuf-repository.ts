/** A repository as theupdateframework/tuf-conformance thinks of one, over our documents, and a client over our walk. */
import { unwrap } from '../../../base/fault.ts';
import type { ReleaseTarget } from '../documents/catalogue.ts';
import { openManifest, type ReleaseManifest } from '../documents/manifest.ts';
import type { ReleaseRole } from '../documents/root.ts';
import type { ReleaseFaultCode } from '../faults.ts';
import { signCatalogue, signSnapshot, signTimestamp } from '../sign.ts';
import { anchorTrust, type ReleaseTrust, trustedRoot } from '../trust.ts';
import { type ReleaseProposal, walkReleases } from '../walk.ts';
import {
  dayMs,
  herd,
  keyPair,
  nowMs,
  type Signers,
  sampleCatalogue,
  sampleRoot,
  signedRoot,
  syscall,
} from './sample-federation.ts';

type Role = Exclude<ReleaseRole, 'pins'>;
type Signed = Exclude<Role, 'root'>;

/** Nobody may sign pins here: TUF knows no such role. */
const noPins = { keys: [], threshold: 1 } as const;

/** Keys are numbers of `keyPair`. Everything may be changed between two publications, by its owner or by a thief. */
export class TufRepository {
  keys: Record<Role, { keys: number[]; threshold: number }> = {
    root: { keys: [1], threshold: 1 },
    timestamp: { keys: [2], threshold: 1 },
    snapshot: { keys: [3], threshold: 1 },
    targets: { keys: [4], threshold: 1 },
  };
  /** Who really signs; the keys that the root names, unless it was changed. */
  signers: Record<Role, number[]> = { root: [1], timestamp: [2], snapshot: [3], targets: [4] };
  version: Record<Role, number> = { root: 0, timestamp: 0, snapshot: 0, targets: 0 };
  expiresAtMs: Record<Role, number> = {
    root: nowMs + 365 * dayMs,
    timestamp: nowMs + 30 * dayMs,
    snapshot: nowMs + 30 * dayMs,
    targets: nowMs + 30 * dayMs,
  };
  releases: readonly ReleaseTarget[] = [];
  readonly roots: Buffer[] = [];
  served: Record<Signed, Buffer> = { timestamp: none, snapshot: none, targets: none };

  constructor() {
    this.publish('root', 'targets', 'snapshot', 'timestamp');
  }

  /** The next version of each, in this order; what stands above must come later. */
  publish(...roles: readonly Role[]): void {
    for (const role of roles) {
      this.version[role] += 1;
      this.sign(role);
    }
  }

  /** The version that there is, signed anew. `change`: of a root's signed part. */
  sign(role: Role, change?: (root: Buffer) => Buffer): void {
    const head = { version: this.version[role], expiresAtMs: this.expiresAtMs[role] };
    const by = this.signers[role].map(keyPair);
    switch (role) {
      case 'root': {
        const root = signedRoot(sampleRoot(this.#named(), head), this.signers.root);
        this.roots.push(change === undefined ? root : change(root));
        return;
      }
      case 'targets': {
        const content = sampleCatalogue({ ...head, tracks: {}, releases: this.releases });
        this.served.targets = signCatalogue(content, herd, by);
        return;
      }
      case 'snapshot':
        this.served.snapshot = signSnapshot({ ...head, catalogue: this.served.targets, pins: null }, herd, by);
        return;
      case 'timestamp':
        this.served.timestamp = signTimestamp({ ...head, snapshot: this.served.snapshot }, herd, by);
    }
  }

  /** Other keys for a role, which sign from now on. */
  rotate(role: Signed, key: number): void {
    this.keys[role] = { keys: [key], threshold: 1 };
    this.signers[role] = [key];
  }

  #named(): Signers {
    return { ...this.keys, pins: noPins };
  }
}

const none = Buffer.alloc(0);

/** What an agent does with what it is served: it walks, and keeps what passed. */
export class TufClient {
  trust: ReleaseTrust;
  proposal: ReleaseProposal | undefined;

  constructor({ roots }: TufRepository) {
    this.trust = unwrap(anchorTrust(roots[0] as Buffer));
  }

  /** 'ok', or the code of the refusal. */
  refresh({ roots, served }: TufRepository, atMs = nowMs): 'ok' | ReleaseFaultCode {
    const { timestamp, snapshot, targets: catalogue } = served;
    const newer = roots.slice(this.version('root'));
    const received = { roots: newer, timestamp, snapshot, catalogue, pins: none };
    const { rooted, result } = walkReleases(this.trust, received, atMs);
    this.trust = rooted;
    if (!result.ok) return result.fault.code;
    if (result.value === null) throw new Error('expected a set, got roots alone');
    this.trust = result.value.next;
    this.proposal = result.value;
    return 'ok';
  }

  /** 0 where there is none yet. */
  version(role: Role): number {
    if (role === 'root') return trustedRoot(this.trust).version;
    return this.trust.accepted?.[role === 'targets' ? 'catalogue' : role]?.version ?? 0;
  }

  /** The release's manifest out of these bytes, as the catalogue that was accepted last names it. */
  download(version: number, bytes: Uint8Array): ReleaseManifest | ReleaseFaultCode | 'NOT_LISTED' {
    const target = this.proposal?.catalogue.releases.find((one) => one.track === syscall && one.version === version);
    if (target === undefined) return 'NOT_LISTED';
    const opened = openManifest(bytes, target, herd);
    return opened.ok ? opened.value : opened.fault.code;
  }
}
