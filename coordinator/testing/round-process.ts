import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FaultError } from '../../base/fault.ts';
import type { ClusterId } from '../../proto/ids.ts';
import type { Track } from '../ledger/state/state.ts';
import type { ReceiptData } from '../rounds/update-desk.ts';
import { bucketAsked } from './rounds-on-bucket.ts';
import { databaseAsked, isStandby } from './rounds-on-database.ts';
import { type Invitation, type SealedUpdate, sealDelta } from './sealed-delta.ts';
import { deltaOf, takePart } from './small-client.ts';
import { clusters, openSmallFederation, operator, policy, track } from './small-federation.ts';

/**
 * Run as a process by kill tests: `round-process.ts <folder> <rounds> [failpoint]`. Finishes a round that an earlier
 * process left open, then opens as many as it is told to, with the failpoint armed as soon as the left one is over.
 * Clients live in the process, but keep their sealed updates on disk until the round is over, as real ones do.
 * In the environment of `onDatabase` and `onBucket` nothing that must last lies in the folder.
 * In the environment of `asStandby` it stands by before, and waits to be told before it opens a round.
 * Says every receipt on stdout at the moment at which a client would hear of it, and when rounds open and end.
 */
const [folder, rounds, failpoint] = process.argv.slice(2) as [string, string, string | undefined];
const say = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);

// A test that is itself killed must not leave us behind: then our standard input ends.
if (process.env.TESTUDO_TEST_CHILD !== undefined) process.stdin.on('end', () => process.exit(2)).resume();
const told = isStandby() ? once(process.stdin, 'data') : undefined;

// A client whom a coordinator refuses that another has followed would turn to that one: nothing more comes of it here.
process.on('unhandledRejection', (error) => {
  if (!(error instanceof FaultError) || process.env.TESTUDO_TEST_POSTGRES === undefined) throw error;
});

let follows = false;
const database = await databaseAsked(
  () => {
    if (!follows) say({ follows: true });
    follows = true;
  },
  () => say({ free: true }),
);
const bucket = await bucketAsked(join(folder, 'data'));
// As long as a busy machine takes: a round that was abandoned for its deadline would tell nothing of what was done to it.
const patient = { recruitForMs: 600_000, collectForMs: 600_000, aggregateForMs: 600_000 };
const generous = { ...policy, rounds: { ...policy.rounds, ...patient } };
const options = { snapshotEvery: 8, policy: generous, ...database, ...bucket };
const engine = await openSmallFederation(join(folder, 'data'), options);
say({ leads: engine.epoch });
void engine.halted.then(({ code }) => {
  say({ halted: code });
  process.exit(3);
});
const receipted = (receipt: ReceiptData) => say({ receipt });
for (const cluster of clusters) takePart(engine, cluster, receipted, (invitation) => fromOutbox(invitation, cluster));

if (known().rounds.size > 0) await ended();
say({ idle: true });
await told;
if (failpoint !== undefined) process.env.TESTUDO_FAILPOINT = failpoint;
for (let count = 0; count < Number(rounds); count++) {
  say({ opening: count + 1 });
  const opened = await engine.openRound(operator, { track, reason: 'test' });
  if (!opened.ok) throw new Error(opened.fault.message);
  await ended();
  say({ ended: opened.value.value });
}
await engine.close();
process.exit(0);

function known(): Track {
  return engine.state().tracks.get(track) as Track;
}

/** Resolves when the newest round has ended and nothing of it is pending. */
function ended(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => {
    const round = [...known().rounds.values()].at(-1);
    const over = round?.phase.kind === 'candidate' || round?.phase.kind === 'abandoned';
    if (!over || (round?.pending.length ?? 1) > 0) return;
    unfollow();
    resolve();
  };
  const unfollow = engine.follow(look);
  look();
  return promise;
}

async function fromOutbox(invitation: Invitation, cluster: ClusterId): Promise<SealedUpdate> {
  const outbox = join(folder, 'outbox');
  mkdirSync(outbox, { recursive: true });
  const path = join(outbox, `${cluster}.${invitation.round}.json`);
  if (existsSync(path)) {
    const { header, payload, roundKey } = JSON.parse(readFileSync(path, 'utf8'));
    if (roundKey === invitation.roundKey) return { header, payload: Buffer.from(payload, 'base64') };
  }
  const { header, payload } = await sealDelta(invitation, cluster, deltaOf(cluster, invitation.round));
  const text = JSON.stringify({ header, payload: payload.toString('base64'), roundKey: invitation.roundKey });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  return { header, payload };
}
