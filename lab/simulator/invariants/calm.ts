import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { openEntry } from '../../../coordinator/ledger/journal/entry.ts';
import { foldEntry } from '../../../coordinator/ledger/state/fold.ts';
import { emptyState } from '../../../coordinator/ledger/state/mutable-state.ts';
import { writeSnapshot } from '../../../coordinator/ledger/state/snapshot.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { TrackId } from '../../../proto/ids.ts';
import type { Services } from '../players/services.ts';
import { mustRun, plainSet } from './agent-watch.ts';
import type { Stage } from './stage.ts';

/** What must have come once faults have stopped for hours. Ends the coordinator's life, in good order. */
export async function checkCalm(stage: Stage, track: TrackId, keys: readonly SigningKeyPair[]): Promise<void> {
  const host = stage.coordinators[0]?.host;
  if (host === undefined) {
    stage.report('NOT_SERVING_IN_CALM', 'the coordinator does not serve');
    return;
  }
  checkSecrets(stage, keys);
  checkRounds(stage);
  checkAgents(stage, track, host.services);
  await checkState(stage, host.services);
  await checkRefusals(stage, host.services);
}

function checkRounds({ journal, report, image }: Stage): void {
  const { rounds, open } = journal.rounds;
  const last = [...rounds.values()].at(-1);
  if (open !== undefined) report('ROUND_OVERDUE', `${open.round} is still ${open.phase} at the end of the day`);
  else if (last?.phase !== 'candidate') report('NO_CANDIDATE_IN_CALM', `${last?.round} is ${last?.phase}`);
  const kept = [...image.keys.keys()].filter((name) => name.startsWith('round.'));
  if (open === undefined && kept.length > 0) report('ROUND_KEY_KEPT', kept.join(', '));
}

function checkAgents(
  { members, report, memberClocks, world, journal }: Stage,
  track: TrackId,
  { registry }: Services,
): void {
  const signed = registry.signedSet();
  if (signed === undefined) {
    report('NOT_SERVING_IN_CALM', 'no set is signed');
    return;
  }
  const received = {
    roots: [],
    timestamp: signed.timestamp.body,
    snapshot: signed.snapshot.body,
    catalogue: signed.catalogue.body,
    pins: signed.pins?.body ?? new Uint8Array(),
  };
  const set = plainSet(received, track);
  if (set === undefined) {
    report('NOT_SERVING_IN_CALM', 'the set says nothing of the track');
    return;
  }
  const { stable, floor, revoked } = journal.releases;
  const signedAs = [set.channels.stable?.version, set.floor, [...set.revoked].join()].join('/');
  // A channel whose version may not run any more points at nothing, and is left out.
  const sound = stable !== undefined && !revoked.has(stable) && stable >= floor ? stable : undefined;
  const journalled = [sound, floor, [...revoked].sort((a, b) => a - b).join()].join('/');
  if (signedAs !== journalled) report('SET_NOT_CURRENT', `it says ${signedAs}, the journal ${journalled}`);
  for (const [index, { agent, name }] of members.entries()) {
    const nowMs = world.nowMs + (memberClocks[index]?.aheadMs ?? 0);
    const must = mustRun(set, name, track, nowMs);
    if (agent?.liveVersion === undefined) report('AGENT_DARK', `${name} runs nothing`);
    else if (must !== undefined && agent.liveVersion !== must) {
      report('AGENT_NOT_CURRENT', `${name} runs ${agent.liveVersion} where the set says ${must}`);
    }
  }
}

/** The journal alone gives the state that a day of snapshots, restarts and undone writes has led to. */
async function checkState({ image, report, journal }: Stage, { engine }: Services): Promise<void> {
  const state = emptyState();
  const snapshots = Map.groupBy(journal.snapshots, ({ seq }) => seq);
  for (const row of image.journal.rows) {
    foldEntry(state, openEntry(row));
    for (const snapshot of snapshots.get(state.seq) ?? []) {
      const differs = differenceOf(await writeSnapshot(state), snapshot.body);
      const where = `the snapshot of line ${snapshot.seq}`;
      if (differs !== undefined) report('STATE_DIFFERS_FROM_JOURNAL', `${where}: ${differs}`);
    }
  }
  const differs = differenceOf(await writeSnapshot(state), await writeSnapshot(engine.state()));
  if (differs !== undefined) report('STATE_DIFFERS_FROM_JOURNAL', differs);
}

/** I9: what this life refused is in the journal, written or summed up. */
async function checkRefusals({ journal, report, refused, world }: Stage, services: Services): Promise<void> {
  const { engine, registry } = services;
  let isClosed = false;
  void registry
    .close()
    .then(() => engine.close())
    .then(() => {
      isClosed = true;
    });
  await world.run(world.nowMs + 60_000, () => isClosed);
  if (!isClosed) report('NOT_CLOSED_IN_CALM', 'the coordinator does not end within a minute');
  journal.look();
  journal.lookBack();
  const audited = journal.refusedByEpoch.get(engine.epoch) ?? 0;
  const told = refused.get(engine.epoch) ?? 0;
  if (audited !== told) report('REFUSALS_UNAUDITED', `${told} refusals were told, ${audited} audited`);
}

/** I10: no secret is in what is written down for people. */
function checkSecrets({ image, troubles, report, secrets }: Stage, keys: readonly SigningKeyPair[]): void {
  for (const { secretKey } of keys) secrets.add(Buffer.from(secretKey.subarray(0, 32)).toString('base64'));
  for (const secret of image.keys.values()) secrets.add(Buffer.from(secret).toString('base64'));
  const written = [...image.journal.rows.map(({ body }) => body), ...troubles].join('\n');
  for (const secret of secrets) {
    if (written.includes(secret)) report('SECRET_LOGGED', 'a key stands in the journal or in a log');
  }
}

/** Where two snapshots part, with what surrounds it; undefined where they tell the same. */
function differenceOf(byJournal: string, other: string): string | undefined {
  if (byJournal === other) return undefined;
  const [a, b] = [inOrder(byJournal), inOrder(other)];
  if (a === b) return undefined;
  let at = 0;
  while (a[at] === b[at]) at += 1;
  return `by the journal ${a.slice(Math.max(0, at - 80), at + 60)} … and not ${b.slice(at, at + 60)}`;
}

/** Members of objects by name: a snapshot keeps the order in which they were made. */
function inOrder(snapshot: string): string {
  return canonicalJson(JSON.parse(snapshot) as JsonValue);
}
