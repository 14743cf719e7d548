import { readFile } from 'node:fs/promises';
import { fullJitterMs } from '../../base/backoff.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { faultFields, type Log } from '../../base/log.ts';
import { pause } from '../../base/pause.ts';
import type { Timers } from '../../base/time.ts';
import { digestOf } from '../../proto/digest.ts';
import { signingKeyPairOf } from '../../proto/envelope/crypto/keys.ts';
import { parseJoinToken } from '../../proto/join-token.ts';
import { recordKey } from '../storage/sealed-record.ts';
import type { Address } from './address.ts';
import { type EnrolFaultCode, enrol, enrolmentRetries } from './enrol.ts';
import { type ClusterIdentity, type IdentityFault, loadIdentity, saveIdentity } from './identity-store.ts';

/** Where a text that nobody else may read comes from. */
export type SecretSource = Readonly<{ kind: 'file'; path: string } | { kind: 'environment'; name: string }>;

/** What of the client's configuration says how it becomes a member. */
export type MembershipSettings = Readonly<{
  dataDirectory: string;
  joinToken: SecretSource | undefined;
  coordinator: Readonly<{
    addresses: readonly [Address, ...Address[]];
    enrolAddress?: Address | undefined;
    reconnectSecondsMax: number;
  }>;
}>;

const enrolTimeoutMs = 15_000;

type MembershipFaultCode = IdentityFault | EnrolFaultCode | 'JOIN_TOKEN_MISSING' | 'JOIN_TOKEN_INVALID' | 'STOPPED';

/** Who this cluster is: from disk, or by trading a join token for membership, again and again until `signal` aborts. */
export async function becomeMember(
  settings: MembershipSettings,
  dataKey: Uint8Array,
  log: Log,
  signal: AbortSignal,
  timers: Timers,
): Promise<Result<ClusterIdentity, MembershipFaultCode>> {
  const found = await loadIdentity(settings.dataDirectory, recordKey(dataKey, 'identity'));
  if (found.ok || found.fault.code !== 'IDENTITY_MISSING') return found;
  const { joinToken, coordinator } = settings;
  if (joinToken === undefined) {
    return refuse('JOIN_TOKEN_MISSING', `${found.fault.message}; set joinToken.file or joinToken.environment`);
  }
  const text = await readSecret(joinToken);
  if (!text.ok) return text;
  const token = parseJoinToken(text.value);
  if (!token.ok) return token;
  const address = coordinator.enrolAddress ?? coordinator.addresses[0];
  // The same key for the same token, over restarts as well: an answer that is lost can then be asked for again.
  const signing = signingKeyPairOf(
    recordKey(dataKey, `signing-key/${digestOf(Buffer.from(token.value.secret))}`).bytes,
  );
  for (let attempt = 0; ; attempt += 1) {
    const enrolled = await enrol(address, token.value, { timeoutMs: enrolTimeoutMs, timers, signing });
    if (enrolled.ok) {
      await keepIdentity(settings, dataKey, enrolled.value);
      return enrolled;
    }
    if (!enrolmentRetries.has(enrolled.fault.code)) return enrolled;
    const reconnect = { firstMs: 500, maxMs: coordinator.reconnectSecondsMax * 1_000 };
    const retryInMs = fullJitterMs(reconnect, attempt, Math.random());
    log.warn({ ...faultFields(enrolled.fault), retryInMs }, 'enrolment attempt failed');
    await pause(timers, retryInMs, signal);
    if (signal.aborted) return enrolled;
  }
}

/** Makes an identity durable, sealed under the data key. */
export async function keepIdentity(
  settings: MembershipSettings,
  dataKey: Uint8Array,
  identity: ClusterIdentity,
): Promise<void> {
  await saveIdentity(settings.dataDirectory, recordKey(dataKey, 'identity'), identity);
}

async function readSecret(source: SecretSource): Promise<Result<string, 'JOIN_TOKEN_MISSING'>> {
  if (source.kind === 'environment') {
    const text = process.env[source.name];
    return text === undefined
      ? refuse('JOIN_TOKEN_MISSING', `join token: environment variable ${source.name} is not set`)
      : ok(text);
  }
  try {
    return ok(await readFile(source.path, 'utf8'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return refuse('JOIN_TOKEN_MISSING', `join token: ${source.path} cannot be read (${code})`);
  }
}
