import type { FederationId } from '../ids.ts';

/** TUF's four top-level roles, and pins: operators' keys, which the coordinator does not have. */
export const releaseRoles = ['root', 'timestamp', 'snapshot', 'targets', 'pins'] as const;
export type ReleaseRole = (typeof releaseRoles)[number];

/** Which keys speak for a role, and how many different ones must. */
export type RoleKeys = Readonly<{ publicKeys: readonly Uint8Array[]; threshold: number }>;

/** Root metadata, opened: whom a federation trusts for what. Public keys: Ed25519, 32 bytes each. */
export type ReleaseRoot = Readonly<{
  federation: FederationId;
  /** 1 to 2^32 - 1; each root follows its forerunner by exactly one. */
  version: number;
  /** Milliseconds since the epoch; signed as whole seconds, rounded down. */
  expiresAtMs: number;
  roles: Readonly<Record<ReleaseRole, RoleKeys>>;
}>;
