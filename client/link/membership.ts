import { fullJitterMs } from '../../base/backoff.ts';
import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import { faultFields, type Log } from '../../base/log.ts';
import { pause } from '../../base/pause.ts';
import type { Timers } from '../../base/time.ts';
import { onDiskFault } from '../storage/disk-fault.ts';
import { recordKey } from '../storage/sealed-record.ts';
import { type Address, inTurn } from './address.ts';
import { ComingBack } from './coming-back.ts';
import { type EnrolFaultCode, enrol, enrolmentRetries } from './enrol.ts';
import { type ClusterIdentity, type IdentityFault, loadIdentity, saveIdentity } from './identity-store.ts';
import { readJoinToken, type SecretSource, signingKeyFor } from './join-token-source.ts';

/** What of the client's configuration says how it becomes a member. */
export type MembershipSettings = Readonly<{
  dataDirectory: string;
  joinToken: SecretSource | undefined;
  coordinator: Readonly<{
    addresses: readonly [Address, ...Address[]];
    enrolAddress?: Address | readonly [Address, ...Address[]] | undefined;
    reconnectSecondsMax: number;
  }>;
}>;

const enrolTimeoutMs = 15_000;

type MembershipFaultCode = IdentityFault | EnrolFaultCode | 'JOIN_TOKEN_MISSING' | 'JOIN_TOKEN_INVALID' | 'STOPPED';

/**
 * Who this cluster is: from disk, or by trading a join token for membership, again and again until `signal` aborts. A
 * token that the identity on disk was not made with is the operator's wish for a new one, and is tried once; where it is
 * refused, or nobody answers, the identity on disk goes on. `failed` hears why an attempt made it no member.
 */
export async function becomeMember(
  settings: MembershipSettings,
  dataKey: Uint8Array,
  log: Log,
  signal: AbortSignal,
  timers: Timers,
  comingBack: ComingBack,
  failed: (fault: Fault) => void,
): Promise<Result<ClusterIdentity, MembershipFaultCode>> {
  const found = await loadIdentity(settings.dataDirectory, recordKey(dataKey, 'identity'));
  if (!found.ok && found.fault.code !== 'IDENTITY_MISSING') return found;
  const { joinToken } = settings;
  const waiting = { log, signal, timers, failed };
  if (found.ok) {
    const afresh = await comingBack.enrolAfresh(found.value);
    if (afresh?.kind === 'refused') log.warn(faultFields(afresh.fault), 'the new join token was not taken');
    if (afresh?.kind !== 'restored') return found;
    const kept = await keptWhenRoom(settings, dataKey, afresh.identity, waiting);
    if (kept.ok) log.info({ cluster: kept.value.cluster }, 'enrolled again by a new join token');
    return kept;
  }
  if (joinToken === undefined) {
    return refuse('JOIN_TOKEN_MISSING', `${found.fault.message}; set joinToken.file or joinToken.environment`);
  }
  const token = await readJoinToken(joinToken);
  if (!token.ok) return token;
  const signing = signingKeyFor(token.value, dataKey);
  for (let attempt = 0; ; attempt += 1) {
    const address = inTurn(enrolAddressesOf(settings), attempt);
    const enrolled = await enrol(address, token.value, { timeoutMs: enrolTimeoutMs, timers, signing });
    if (enrolled.ok) return await keptWhenRoom(settings, dataKey, enrolled.value, waiting);
    if (!enrolmentRetries.has(enrolled.fault.code)) return enrolled;
    failed(enrolled.fault);
    const retryInMs = retryMs(settings, attempt);
    log.warn({ ...faultFields(enrolled.fault), retryInMs }, 'enrolment attempt failed');
    await pause(timers, retryInMs, signal);
    if (signal.aborted) return enrolled;
  }
}

/**
 * The same once it is on disk. It waits for a disk that is full or fails: who took part and was then ended would have to be enrolled
 * anew, and by then the token may have ended. 'STOPPED' where `signal` aborts first.
 */
async function keptWhenRoom(
  settings: MembershipSettings,
  dataKey: Uint8Array,
  identity: ClusterIdentity,
  {
    log,
    signal,
    timers,
    failed,
  }: Readonly<{ log: Log; signal: AbortSignal; timers: Timers; failed: (fault: Fault) => void }>,
): Promise<Result<ClusterIdentity, 'STOPPED'>> {
  for (let attempt = 0; ; attempt += 1) {
    let fault: Fault | undefined;
    await keepIdentity(settings, dataKey, identity).catch(
      onDiskFault((heard) => {
        fault = heard;
      }),
    );
    if (fault === undefined) return ok(identity);
    // One that stops tries once all the same: the token is spent, and what it was spent on would be lost.
    if (signal.aborted) return refuse('STOPPED', 'this client is stopping');
    failed(fault);
    const retryInMs = retryMs(settings, attempt);
    log.error({ ...faultFields(fault), retryInMs }, 'enrolled, and the identity cannot be kept');
    await pause(timers, retryInMs, signal);
  }
}

function retryMs({ coordinator }: MembershipSettings, attempt: number): number {
  return fullJitterMs({ firstMs: 500, maxMs: coordinator.reconnectSecondsMax * 1_000 }, attempt, Math.random());
}

/** Makes an identity durable, sealed under the data key. */
export async function keepIdentity(
  settings: MembershipSettings,
  dataKey: Uint8Array,
  identity: ClusterIdentity,
): Promise<void> {
  await saveIdentity(settings.dataDirectory, recordKey(dataKey, 'identity'), identity);
}

/** How this member gets back in when it is shut out. */
export function openComingBack(settings: MembershipSettings, dataKey: Uint8Array, timers: Timers): ComingBack {
  const { joinToken } = settings;
  const addresses = enrolAddressesOf(settings);
  return new ComingBack({ addresses, joinToken, dataKey, timeoutMs: enrolTimeoutMs, timers });
}

function enrolAddressesOf({ coordinator }: MembershipSettings): readonly [Address, ...Address[]] {
  const { addresses, enrolAddress = addresses } = coordinator;
  return 'text' in enrolAddress ? [enrolAddress] : enrolAddress;
}
