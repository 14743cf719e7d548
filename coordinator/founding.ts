import { buildVersion } from '../base/build-version.ts';
import { ok, type Result } from '../base/fault.ts';
import { systemTimers } from '../base/system-timers.ts';
import type { Timers } from '../base/time.ts';
import type { SigningKeyPair } from '../proto/envelope/crypto/keys.ts';
import { type BlobPlace, openBlobPlace } from './blob-place.ts';
import type { CoordinatorConfig } from './config/config.ts';
import { declareTracks } from './declared-tracks.ts';
import { type Ground, openGround } from './ground.ts';
import { pemOfChain } from './keys/authority.ts';
import { openCoordinatorKeys } from './keys/coordinator-keys.ts';
import { readMasterKey } from './keys/master-key.ts';
import { newOperatorKey, type OperatorCredentials } from './keys/operator-credentials.ts';
import type { Actor, OperatorRole } from './ledger/journal/events.ts';
import { Membership } from './members/membership.ts';
import { lifetimesOf } from './registry/signing/found-root.ts';
import { ensureRoot } from './registry/signing/founding.ts';
import { openEngine } from './rounds/open-engine.ts';

const dayMs = 86_400_000;
const byIdentity: Actor = { kind: 'coordinator', part: 'identity' };

export type LocalOperator = Readonly<{
  name: string;
  role: OperatorRole;
  /** Where the operator will reach the mTLS listener: host:port. */
  address: string;
  /** A key of this operator's own that root shall name for pins, while the root keys are here to sign that. */
  pin?: SigningKeyPair;
}>;

export type NewOperator = Readonly<{
  credentials: OperatorCredentials;
  /** Whether root names the given key; it cannot when the root keys are offline. */
  pinIsNamed: boolean;
}>;

/**
 * Makes an operator on the coordinator's own machine, with nobody's leave but the data directory's and the master key's:
 * the first admin, and the way back in when every admin's key is lost. Founds the authority when there is none, and brings
 * the tracks to what the configuration declares, as a start does. The
 * coordinator must not run: the data directory is locked meanwhile.
 */
export async function makeLocalOperator(
  config: CoordinatorConfig,
  wanted: LocalOperator,
  environment: NodeJS.ProcessEnv = process.env,
  timers: Timers = systemTimers,
): Promise<Result<NewOperator>> {
  const masterKey = await readMasterKey(config.masterKey, environment);
  if (!masterKey.ok) return masterKey;
  const place = await openBlobPlace(config, environment, timers, () => {});
  if (!place.ok) return place;
  const opened = await openGround(config, environment, timers);
  if (!opened.ok) {
    place.value?.close();
    return opened;
  }
  const ground = { ...opened.value, openBlobs: place.value?.open };
  try {
    return await makeOn(ground, masterKey.value, config, wanted, timers);
  } finally {
    place.value?.close();
  }
}

async function makeOn(
  {
    identity,
    openJournal,
    openBlobs,
    close: leaveGround,
  }: Ground & Readonly<{ openBlobs: BlobPlace['open'] | undefined }>,
  masterKey: string,
  config: CoordinatorConfig,
  { name, role, address, pin }: LocalOperator,
  timers: Timers,
): Promise<Result<NewOperator>> {
  const keys = await openCoordinatorKeys(identity, config.federation, masterKey, timers.now());
  if (!keys.ok) {
    await leaveGround();
    return keys;
  }
  const { vault, authority } = keys.value;
  const opened = await openEngine({
    dataDir: config.dataDirectory,
    federation: config.federation,
    build: buildVersion(),
    keyStore: vault,
    openJournal,
    openBlobs,
    timers,
  });
  if (!opened.ok) {
    await leaveGround();
    return opened;
  }
  try {
    const lifetimes = {
      clusterMs: config.certificates.clusterHours * 3_600_000,
      operatorMs: config.certificates.operatorDays * dayMs,
    };
    const membership = new Membership(opened.value, authority, lifetimes, timers.now);
    const { key, request } = await newOperatorKey();
    const added = await membership.addOperator(byIdentity, { name, role, request });
    if (!added.ok) return added;
    const declared = await declareTracks(opened.value, config.tracks);
    if (!declared.ok) return declared;
    const rooting = { store: opened.value, vault, nowMs: timers.now(), lifetimes: lifetimesOf(config.releases) };
    const rooted = await ensureRoot(rooting, byIdentity, pin);
    if (!rooted.ok) return rooted;
    const credentials = {
      federation: config.federation,
      name,
      role,
      address,
      authority: authority.rootCertificate,
      certificateChain: pemOfChain(added.value.chain.slice(0, 2)),
      key,
    };
    return ok({ credentials, pinIsNamed: rooted.value });
  } finally {
    await opened.value.close();
  }
}
