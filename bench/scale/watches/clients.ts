/**
 * Child of watches.ts: thousands of clients in one process, each with its own identity, connection and way of coming back, the product's
 * own: what keeps a client's Watch open, over gRPC and mutual TLS. No client trains. Reads a line of its standard input as where
 * to go from now on, addresses with commas between; ends with it. Lines on standard output: "watching", then, whenever that changes, a
 * Standing.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { type Address, parseAddress } from '../../../client/link/address.ts';
import type { ClusterIdentity } from '../../../client/link/identity-store.ts';
import { connectOverGrpc } from '../../../client/rounds/grpc/connect.ts';
import { keepWatching } from '../../../client/rounds/keep-watching.ts';
import { defaultUplinkTimes } from '../../../client/rounds/participant-config.ts';
import type { RoundConnection } from '../../../client/rounds/round-calls.ts';
import { pemOfChain } from '../../../coordinator/keys/authority.ts';
import { applicant, enrolWith, newcomer } from '../../../coordinator/testing/cluster.ts';
import type { ClusterId, FederationId, TrackId } from '../../../proto/ids.ts';

type Task = Readonly<{
  /** A file with a join token on each line. */
  tokens: string;
  enrolment: string;
  /** PEM. */
  authority: string;
  /** Of coordinator or doors, with commas between. */
  addresses: string;
  track: TrackId;
}>;

/** What all clients of this process are at. */
export type Standing = Readonly<{
  watching: number;
  /** Streams that ended so far. */
  ended: number;
  /** How many clients have had so many invitations. */
  invited: Readonly<Record<string, number>>;
  /** When clients had their latest invitation, by the clock of the machine: half of them, 99 in a hundred, and all. */
  invitedAtMs: Readonly<{ half: number; most: number; all: number }>;
  /** Why streams ended, how often. */
  why: Readonly<Record<string, number>>;
}>;

/** What a stranger's connection carries. */
const enrolAtOnce = 4;
const sayEveryMs = 100;

const task = JSON.parse(process.argv[2] as string) as Task;
const identities = await enrolled(readFileSync(task.tokens, 'utf8').trim().split('\n'));
const addressesIn = (text: string) => text.split(',').map((one) => unwrap(parseAddress(one)));
/** Where clients go, in turn; looked at anew for each connection. */
const addresses = addressesIn(task.addresses) as [Address, ...Address[]];
createInterface({ input: process.stdin })
  .on('line', (line) => void addresses.splice(0, addresses.length, ...addressesIn(line)))
  .on('close', () => process.exit());

const invitations = new Uint32Array(identities.length);
const invitedAtMs = new Float64Array(identities.length);
const watching = new Set<number>();
const why: Record<string, number> = {};
let ended = 0;
let isChanged = false;

for (const [at, identity] of identities.entries()) void follow(at, identity); // A failure ends the process, loudly.

let isSaid = false;
setInterval(() => {
  if (!isSaid && watching.size === identities.length) {
    console.log('watching');
    isSaid = true;
  }
  if (isChanged) console.log(JSON.stringify(standing()));
  isChanged = false;
}, sayEveryMs);

async function follow(at: number, identity: ClusterIdentity): Promise<void> {
  let open: RoundConnection | undefined;
  await keepWatching({
    config: {
      ...{ addresses, connect: connectOverGrpc, tracks: [task.track] },
      ...{ clientBuild: 'bench', times: defaultUplinkTimes },
    },
    ports: {
      timers: systemTimers,
      unit: Math.random,
      report(event) {
        isChanged = true;
        if (event.kind === 'connected') watching.add(at);
        if (event.kind !== 'disconnected') return;
        if (watching.delete(at)) ended += 1;
        why[event.fault.code] = (why[event.fault.code] ?? 0) + 1;
      },
    },
    keeper: { identity, prepare: async () => 0 },
    signal: new AbortController().signal,
    onNewKey: () => {},
    onOpen(connection) {
      open = connection;
      return new AbortController().signal;
    },
    onShut: () => open?.close(),
    onDirective(directive) {
      if (directive.$case === 'invitation') {
        invitations[at] = (invitations[at] as number) + 1;
        invitedAtMs[at] = Date.now();
        isChanged = true;
      }
      return true;
    },
  });
}

function standing(): Standing {
  const invited: Record<string, number> = {};
  for (const count of invitations) invited[count] = (invited[count] ?? 0) + 1;
  const times = invitedAtMs.toSorted();
  const of = (share: number) => times[Math.ceil(share * times.length) - 1] as number;
  const at = { half: of(0.5), most: of(0.99), all: of(1) };
  return { watching: watching.size, ended, invited, invitedAtMs: at, why: { ...why } };
}

/** Over one connection after another, each of which carries a few calls at a time: what is measured comes afterwards. */
async function enrolled(tokens: readonly string[]): Promise<ClusterIdentity[]> {
  const identities: ClusterIdentity[] = [];
  const client = newcomer({ enrolment: task.enrolment } as Parameters<typeof newcomer>[0], task.authority);
  for (let from = 0; from < tokens.length; from += enrolAtOnce) {
    const some = tokens.slice(from, from + enrolAtOnce).map((token) => enrolledBy(client, token));
    identities.push(...(await Promise.all(some)));
  }
  client.close();
  return identities;
}

async function enrolledBy(client: ReturnType<typeof newcomer>, token: string): Promise<ClusterIdentity> {
  const applied = await applicant(token);
  for (;;) {
    const answered = await enrolWith(client, applied);
    // A connection that has come to its age takes no more calls: the same question, by the same key, gets the same answer.
    if (!answered.ok && answered.fault.code.startsWith('GRPC_')) continue;
    const { federation, cluster, certificateChain, receiptKey } = unwrap(answered);
    return {
      ...{ federation: federation as FederationId, cluster: cluster as ClusterId, authorityPem: task.authority },
      ...{ chainPem: pemOfChain(certificateChain), certifiedAtMs: Date.now(), tlsKeyPem: applied.tls.key },
      signingSeed: applied.signing.secretKey.slice(0, 32),
      receiptKey: Uint8Array.from(receiptKey),
    };
  }
}
