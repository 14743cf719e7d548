import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { ok, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { ClusterId } from '../../proto/ids.ts';
import { Vault } from '../keys/vault.ts';
import type { Track } from '../ledger/state/state.ts';
import { Registry } from '../registry/registry.ts';
import type { SignedSet } from '../registry/signing/signed-set.ts';
import { takePart } from './small-client.ts';
import { clusters, openSmallFederation, operator, policy, track } from './small-federation.ts';
import { roundEnd, until } from './wait.ts';

/**
 * Run as a process by kill tests: `release-process.ts <folder> <rounds> [failpoint]`. Rounds make candidates, candidates
 * become releases, the report of one canary brings each to stable. Finishes what an earlier process left, then runs as
 * many rounds as it is told to, with the failpoint armed from the first of them on. Says every signed set on stdout at
 * the moment at which an agent would get it.
 */
const [folder, rounds, failpoint] = process.argv.slice(2) as [string, string, string | undefined];
const say = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);

// A test that is itself killed must not leave us behind: then our standard input ends.
if (process.env.TESTUDO_TEST_CHILD !== undefined) process.stdin.on('end', () => process.exit(2)).resume();

const dataDir = join(folder, 'data');
const vault = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
const gate = {
  clustersMin: 2,
  minutesMin: 0,
  scoredMin: 1,
  agreementMin: 0,
  recallDropMax: 1,
  alertsPerDayMax: 1,
  hoursMax: 1,
  approvals: 1,
} as const;
const engine = await openSmallFederation(dataDir, { keyStore: vault, snapshotEvery: 8, policy: { ...policy, gate } });
/** One more than may lie. */
const canaries = clusters.slice(0, policy.aggregation.f + 1) as readonly ClusterId[];

const day = 86_400_000;
const times = { timestampLifeMs: day, timestampEveryMs: 3_600_000, catalogueLifeMs: 7 * day };
const registry = unwrap(await Registry.open({ store: engine, vault, build: 'test', times, timers: systemTimers }));
const tell = (set: SignedSet) => {
  const { roots, timestamp, snapshot, catalogue } = set;
  const text = ({ body }: { body: Uint8Array }) => Buffer.from(body).toString('base64');
  say({
    set: { roots: roots.map(text), timestamp: text(timestamp), snapshot: text(snapshot), catalogue: text(catalogue) },
  });
};
const restored = registry.signedSet();
if (restored !== undefined) tell(restored);
registry.follow(tell);

await registry.settled();
if (engine.state().metadata.assignments.length === 0) {
  for (const cluster of canaries) {
    unwrap(await registry.assign(operator, { track, channel: 'canary', subject: { cluster }, reason: 'test' }));
  }
}
for (const cluster of clusters) takePart(engine, cluster, () => {});
const open = [...known().rounds.values()].at(-1);
if (open !== undefined) await finish(open.round);
if (failpoint !== undefined) process.env.TESTUDO_FAILPOINT = failpoint;
for (let count = 0; count < Number(rounds); count++) {
  await finish(unwrap(await engine.openRound(operator, { track, reason: 'test' })).value);
}
await registry.close();
await engine.close();
process.exit(0);

function known(): Track {
  return engine.state().tracks.get(track) as Track;
}

/** Resolves when the round's candidate is stable, and the set that says so is signed. */
async function finish(round: string): Promise<void> {
  await roundEnd(engine, round);
  const version = known().models.length - 1;
  await until(engine, () => known().releasing.gates[version]);
  for (const cluster of canaries) await pass(version, cluster);
  await until(engine, () => (known().releasing.channels.stable?.version === version ? true : undefined));
  await until(engine, () => {
    const { set, changedSeq } = engine.state().metadata;
    return set !== null && set.coversSeq >= changedSeq ? true : undefined;
  });
  await registry.settled();
}

/** The canary's report, unless it is there already. */
async function pass(version: number, cluster: ClusterId): Promise<void> {
  const { releasing } = known();
  const gate = releasing.gates[version];
  if (gate?.decision !== null || gate.reports[cluster] !== undefined) return;
  const report = {
    cluster,
    liveVersion: releasing.channels.stable?.version ?? 0,
    durationMs: 0,
    scoredCount: 1,
    agreedCount: 1,
    shadowAlertCount: 0,
    liveAlertCount: 0,
    recalls: [],
    falsePositiveCaseCount: 0,
    shadowFalsePositiveCount: 0,
    liveFalsePositiveCount: 0,
    shadowLatencyUs: 1,
    liveLatencyUs: 1,
    reportedAtMs: 0,
  };
  const events = [{ kind: 'shadowReported', track, version, report, signature: '' }] as const;
  unwrap(await engine.commit({ kind: 'cluster', cluster }, () => ok({ events, value: undefined })));
}
