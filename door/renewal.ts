import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { ok, type Result, refuse } from '../base/fault.ts';
import type { Log } from '../base/log.ts';
import type { Timers } from '../base/time.ts';
import { pemOfChain } from '../coordinator/keys/authority.ts';
import { newOperatorKey } from '../coordinator/keys/operator-credentials.ts';
import { type DoorCredentials, readDoorCredentials, replaceDoorCredentials } from './credentials.ts';
import type { LeaderLink } from './leader-link.ts';

const lookEveryMs = 60_000;

/**
 * The newest credentials: those of the file, or what this door renewed since and kept in its data directory, where the file is not
 * for a door that was added anew.
 */
export function newestCredentials(file: string, dataDirectory: string): Result<DoorCredentials, 'CREDENTIALS_INVALID'> {
  const given = readDoorCredentials(file);
  if (!given.ok) return given;
  const kept = readDoorCredentials(keptIn(dataDirectory));
  if (!kept.ok || kept.value.name !== given.value.name || kept.value.authority !== given.value.authority) return given;
  return ok(startOf(kept.value) > startOf(given.value) ? { ...given.value, ...keysOf(kept.value) } : given.value);
}

type RenewalParts = Readonly<{
  credentials: () => DoorCredentials;
  dataDirectory: string;
  leader: Pick<LeaderLink, 'renewDoor'>;
  timers: Timers;
  log: Log;
  renewed: (credentials: DoorCredentials) => void;
}>;

/**
 * Has a door's certificates renewed at two thirds of their life, by this machine's clock or by the time that has passed since they came,
 * whichever is first: a clock that is behind would let them end. One that is ahead would renew them each minute, for what comes is due at
 * once: so not before a sixth of their life has passed. Returns how to end it.
 */
export function keepRenewing(parts: RenewalParts): () => void {
  const { credentials, timers, log } = parts;
  let isRunning = false;
  let sinceMs = timers.monotonicMs();
  let earliestMs = sinceMs;
  let isTold = false;
  const look = async () => {
    const passedMs = timers.monotonicMs();
    const lifeMs = endOf(credentials()) - startOf(credentials());
    if (isRunning || (timers.now() < dueMs(credentials()) && passedMs < sinceMs + (lifeMs * 2) / 3)) return;
    if (passedMs < earliestMs) {
      const why = "by this machine's clock they are due again at once: is it ahead?";
      if (!isTold) log.warn({ cause: why }, "the door's certificates were renewed lately, and are left as they are");
      isTold = true;
      return;
    }
    isRunning = true;
    const renewed = await renew(parts).catch((error: NodeJS.ErrnoException) =>
      refuse('DATA_DIR_UNUSABLE', `they cannot be kept in ${parts.dataDirectory} (${error.code ?? error.message})`),
    );
    isRunning = false;
    if (renewed.ok) {
      sinceMs = timers.monotonicMs();
      earliestMs = sinceMs + (endOf(credentials()) - startOf(credentials())) / 6;
      isTold = false;
    } else {
      const endsAt = new Date(endOf(credentials())).toISOString();
      log.warn(
        { code: renewed.fault.code, cause: renewed.fault.message, endsAt },
        "the door's certificates are not renewed",
      );
    }
  };
  const beat = timers.every(lookEveryMs, () => void look());
  return () => timers.cancel(beat);
}

async function renew({ credentials, dataDirectory, leader, renewed }: RenewalParts) {
  const { key, request } = await newOperatorKey();
  const answered = await leader.renewDoor(request);
  if (!answered.ok) return answered;
  const { certificateChain, serverChain } = answered.value;
  const fresh = {
    ...credentials(),
    certificateChain: pemOfChain(certificateChain),
    serverChain: pemOfChain(serverChain),
    key,
  };
  if (
    !new X509Certificate(fresh.certificateChain).verify(new X509Certificate(certificateChain[1] as Buffer).publicKey)
  ) {
    return refuse('CERTIFICATE_UNUSABLE', 'the coordinator gave a certificate that its issuer did not sign');
  }
  await replaceDoorCredentials(keptIn(dataDirectory), fresh);
  renewed(fresh);
  return ok(undefined);
}

function keptIn(dataDirectory: string): string {
  return join(dataDirectory, 'credentials.json');
}

function keysOf({ certificateChain, serverChain, key }: DoorCredentials) {
  return { certificateChain, serverChain, key };
}

function startOf({ certificateChain }: DoorCredentials): number {
  return Date.parse(new X509Certificate(certificateChain).validFrom);
}

function endOf({ certificateChain }: DoorCredentials): number {
  return Date.parse(new X509Certificate(certificateChain).validTo);
}

function dueMs(credentials: DoorCredentials): number {
  return endOf(credentials) - (endOf(credentials) - startOf(credentials)) / 3;
}
