import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import type { Fault } from '../../base/fault.ts';
import { readWholeText } from '../../base/text/read-whole.ts';
import type { OperatorCredentials } from '../../coordinator/keys/operator-credentials.ts';
import type { FederationId } from '../../proto/ids.ts';
import { signedness } from '../../proto/release/co-sign.ts';
import type { Catalogue, Pins } from '../../proto/release/documents/catalogue.ts';
import { keyIdOf } from '../../proto/release/documents/key-id.ts';
import type { ReleaseRoot } from '../../proto/release/documents/root.ts';
import { openCatalogue, openPins } from '../../proto/release/open.ts';
import { anchorTrust, parseTrust, type ReleaseTrust, trustedRoot } from '../../proto/release/trust.ts';
import { walkReleases } from '../../proto/release/walk.ts';
import { exitWith, orExit } from '../exit.ts';
import { complain } from '../print.ts';
import type { OperatorConnection } from './connection.ts';

/** Signed metadata that this operator has reason to believe. */
export type TrustedReleases = Readonly<{
  root: ReleaseRoot;
  catalogue: Catalogue;
  pins: Pins;
  /** The pins as they are signed; empty where root names no key for pins. */
  pinsDocument: Uint8Array;
  /** Why agents would refuse the whole set, where they would: it has expired, or is older than what they have seen. */
  expired: string | undefined;
  /** The newest version of pins that this operator ever saw in force. */
  pinsSeen: number;
}>;

/** `afterRestore`: a coordinator that came out of a backup may serve less than it once did. */
export type TrustOptions = Readonly<{ afterRestore?: string | boolean | undefined }>;

const callsMax = 1_000;

/**
 * The signed metadata, verified as an agent verifies it: root by root from the first that this operator ever saw, kept in
 * a file beside the credentials. Who signs pins signs all of them, so what they are changed from must not be believed
 * because a coordinator says so.
 */
export async function trustedReleases(
  connection: OperatorConnection,
  credentialsPath: string,
  { federation }: Pick<OperatorCredentials, 'federation'>,
  { afterRestore }: TrustOptions = {},
): Promise<TrustedReleases> {
  const path = `${credentialsPath}.trust`;
  let trust = await readTrust(path);
  for (let calls = 0; calls < callsMax; calls++) {
    const rootVersion = trust === undefined ? 0 : trustedRoot(trust).version;
    const received = await connection.call(connection.client.getMetadata, { rootVersion });
    if (trust === undefined) {
      trust = await anchor(path, received.roots[0]);
      continue;
    }
    const { rooted, result } = walkReleases(trust, received, Date.now());
    if (rooted !== trust) await writeTrust(path, rooted);
    const wasNewer = trustedRoot(rooted).version > rootVersion;
    trust = rooted;
    if (wasNewer) continue; // There may be more roots than one message holds.
    const root = trustedRoot(trust);
    if (!result.ok) {
      const { code, message } = result.fault;
      const mayLookOn = code === 'METADATA_EXPIRED' || (afterRestore !== undefined && code === 'METADATA_ROLLED_BACK');
      if (!mayLookOn) return connection.exitWith(withRemedy(result.fault));
      return refusedReleases(root, federation as FederationId, received, message, pinsSeenBy(trust));
    }
    if (result.value === null)
      return connection.exitWith({ code: 'METADATA_UNREADY', message: 'no metadata is signed yet' });
    const { catalogue, pins, next } = result.value;
    await writeTrust(path, next);
    return { root, catalogue, pins, pinsDocument: received.pins, expired: undefined, pinsSeen: pins.version };
  }
  return connection.exitWith({ code: 'ROOT_SKIPPED', message: `roots did not end in ${callsMax} messages` });
}

/** Pins are the one role that nobody signs anew at the coordinator's start: after a restore an operator has to. */
function withRemedy({ code, message, fields }: Fault): Fault {
  if (code !== 'METADATA_ROLLED_BACK' || fields?.role !== 'pins') return { code, message };
  const remedy =
    'where the coordinator was restored from a backup, `testudo pins renew --after-restore` brings them forward';
  return { code, message: `${message}; agents refuse them too. ${remedy}; else somebody shows you old ones` };
}

/** The newest root metadata that this operator has reason to believe, as it is signed: what agents may begin from. */
export async function trustedRootText(
  connection: OperatorConnection,
  credentialsPath: string,
  credentials: Pick<OperatorCredentials, 'federation'>,
): Promise<string> {
  await trustedReleases(connection, credentialsPath, credentials);
  const trust = await readTrust(`${credentialsPath}.trust`);
  if (trust === undefined) return exitWith({ code: 'METADATA_UNREADY', message: 'the coordinator has no root yet' });
  return trust.root;
}

async function anchor(path: string, first: Uint8Array | undefined): Promise<ReleaseTrust> {
  if (first === undefined) return exitWith({ code: 'METADATA_UNREADY', message: 'the coordinator has no root yet' });
  const trust = orExit(anchorTrust(first));
  await writeTrust(path, trust);
  const keys = trustedRoot(trust).roles.root.publicKeys.map((key) => keyIdOf(key).slice(0, 12));
  complain(`trusting this federation's root from now on: root keys ${keys.join(', ')} (${path})`);
  return trust;
}

function pinsSeenBy({ accepted }: ReleaseTrust): number {
  return accepted?.pins?.version ?? 0;
}

/** What agents refuse for its age is signed all the same: it can be looked at, and signed anew. */
function refusedReleases(
  root: ReleaseRoot,
  federation: FederationId,
  { catalogue, pins }: Readonly<{ catalogue: Uint8Array; pins: Uint8Array }>,
  expired: string,
  pinsSeen: number,
): TrustedReleases {
  for (const [role, bytes] of [
    ['targets', catalogue],
    ['pins', pins],
  ] as const) {
    if (bytes.byteLength === 0) continue;
    const { missing } = orExit(signedness(root, role, bytes));
    if (missing > 0)
      exitWith({ code: 'METADATA_UNDERSIGNED', message: `${role}: ${missing} good signature(s) missing` });
  }
  return {
    root,
    catalogue: orExit(openCatalogue(catalogue, federation)),
    pins: pins.byteLength === 0 ? noPins : orExit(openPins(pins, federation)),
    pinsDocument: pins,
    expired,
    pinsSeen,
  };
}

const noPins: Pins = { version: 0, expiresAtMs: Number.MAX_SAFE_INTEGER, pins: [] };

async function readTrust(path: string): Promise<ReleaseTrust | undefined> {
  let text: string;
  try {
    text = readWholeText(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    return orExit(parseTrust(JSON.parse(text)));
  } catch {
    return exitWith({ code: 'TRUST_INVALID', message: `${path} does not read back; move it away to trust anew` });
  }
}

function writeTrust(path: string, trust: ReleaseTrust): Promise<void> {
  return writeFileAtomic(path, `${JSON.stringify(trust)}\n`);
}
