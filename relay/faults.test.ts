import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { refuse, unwrap } from '../base/fault.ts';
import { systemTimers } from '../base/system-timers.ts';
import type { UplinkConfig } from '../client/rounds/participant-config.ts';
import type { UplinkReport } from '../client/rounds/ports.ts';
import type { Provenance } from '../coordinator/candidate/provenance.ts';
import { headOf, type Track } from '../coordinator/ledger/state/state.ts';
import type { TrackPolicy } from '../coordinator/round/policy.ts';
import { operator, track } from '../coordinator/testing/small-federation.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { until } from '../coordinator/testing/wait.ts';
import { answering, clustersOf, ended, meanOf, type Node, openNode, openParent } from '../lab/testing/relay-tree.ts';
import type { ClusterId } from '../proto/ids.ts';
import type { ParentParts } from './parent.ts';
import { type HeldRoundReport, heldRounds } from './rounds/held-round.ts';

type Report = UplinkReport | HeldRoundReport;

/** What a relay says, for a test that waits until it has said something. */
class Said {
  readonly all: Report[] = [];
  #waiting: (() => void)[] = [];

  readonly hear = (report: Report) => {
    this.all.push(report);
    for (const look of this.#waiting.splice(0)) look();
  };

  async once<Kind extends Report['kind']>(
    kind: Kind,
    isIt: (report: Extract<Report, { kind: Kind }>) => boolean = () => true,
  ): Promise<Extract<Report, { kind: Kind }>> {
    for (;;) {
      const found = this.all.find(
        (report): report is Extract<Report, { kind: Kind }> => report.kind === kind && isIt(report as never),
      );
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

const clusters = clustersOf('east');
const upward = (more: Partial<TrackPolicy> = {}) => meanOf(3, { upward: true, ...more });

/** A root with one region and one cluster of its own, which answers once `open` is called. */
async function openTree({ regionPolicy = upward(), rootPolicy = meanOf(2) } = {}) {
  const root = await openNode('root', rootPolicy, ['other' as ClusterId]);
  const region = await openNode('east', regionPolicy, clusters);
  const identity = await root.enrol('east' as ClusterId);
  const said = new Said();
  const gate = gated(root, ['other' as ClusterId]);
  const start = (more: Partial<ParentParts> = {}, folder?: string) =>
    openParent(region, root, identity, { onReport: said.hear, ...more }, folder);
  const openRound = async () => {
    await until(root.engine, () => root.engine.connected().size === 2 || undefined);
    return unwrap(await root.engine.openRound(operator, { track, reason: 'test' })).value;
  };
  return { root, region, identity, said, gate, start, openRound };
}

/** Clusters that are there and answer an invitation once they are let. */
function gated({ engine }: Node, names: readonly ClusterId[]): () => void {
  const gate = Promise.withResolvers<void>();
  answering(engine, names, gate.promise);
  return gate.resolve;
}

const roundsOf = ({ engine }: Node) => [...(engine.state().tracks.get(track)?.rounds.values() ?? [])];

async function updatesOf({ engine }: Node, round: string): Promise<Provenance['updates']> {
  const { phase } = await ended(engine, round);
  if (phase.kind !== 'candidate') throw new Error(JSON.stringify(phase));
  const bytes = unwrap(await engine.blobs.get(phase.provenance));
  return (JSON.parse(Buffer.from(bytes).toString('utf8')) as Provenance).updates;
}

describe('a relay that is killed', () => {
  it.each(['opened', 'candidate', 'trained', 'kept', 'receipted'] as const)(
    'goes on from what was on disk when it had just said "%s": one round of the region, one update, no alarm',
    async (at) => {
      const { root, region, said, gate, start, openRound } = await openTree();
      const [folder, after] = [tempDir(), join(tempDir(), 'after')];
      let killed = false;
      const first = await start(
        {
          onReport: (report) => {
            // What lies on disk now is all that the next run has.
            if (report.kind === at && !killed) {
              killed = true;
              cpSync(folder, after, { recursive: true });
            }
            said.hear(report);
          },
        },
        folder,
      );
      const letClusters = gated(region, clusters);
      await openRound();
      if (at !== 'opened') letClusters();
      await said.once(at);
      await first.close();
      letClusters();
      await start({}, after);
      await until(root.engine, () => {
        const phase = roundsOf(root)[0]?.phase;
        return (phase !== undefined && 'accepted' in phase && phase.accepted.length === 1) || undefined;
      });
      gate();
      const updates = await updatesOf(root, 'r-1');
      expect(updates.map(({ cluster, verdict }) => `${cluster} ${verdict}`).sort()).toEqual([
        'east selected',
        'other selected',
      ]);
      const rounds = roundsOf(region);
      expect(rounds.map(({ phase }) => phase.kind)).toEqual(['candidate']);
      const named = updates.find(({ cluster }) => cluster === 'east')?.provenance;
      expect(rounds[0]?.phase).toMatchObject({ provenance: named });
      expect(roundsOf(root)[0]?.refusedCount).toBe(0);
    },
  );
});

describe('a relay whose region or parent cannot', () => {
  it('waits where the parent starts from a model that it has not released to the region, and holds its round once it has', async () => {
    const { root, region, said, gate, start, openRound } = await openTree();
    unwrap(
      await root.registry.assign(operator, {
        track,
        subject: { cluster: 'other' as ClusterId },
        channel: 'canary',
        reason: 'test',
      }),
    );
    answering(region.engine, clusters);
    gate();
    await start();
    await openRound();
    await ended(root.engine, 'r-1');
    // A canary has version 1 in shadow: what the next round starts from is not stable yet.
    await openRound();
    const { fault } = await said.once('waiting');
    expect(fault).toMatchObject({ code: 'BASE_UNKNOWN', message: expect.stringContaining('version 1') });
    expect(roundsOf(region)).toHaveLength(1);
    unwrap(await root.registry.promote(operator, { track, version: 1, reason: 'test' }));
    expect((await updatesOf(root, 'r-2')).map(({ cluster }) => cluster).sort()).toEqual(['east', 'other']);
    expect(roundsOf(region)).toHaveLength(2);
  });

  it("cancels the region's round when the parent's is abandoned, and takes part in the next", async () => {
    const { root, region, said, gate, start, openRound } = await openTree();
    const letClusters = gated(region, clusters);
    await start();
    const round = await openRound();
    await said.once('opened');
    unwrap(await root.engine.cancelRound(operator, { track, round, reason: 'test' }));
    const { phase } = await ended(region.engine, 'r-1');
    expect(phase).toMatchObject({ kind: 'abandoned', reason: 'CANCELLED', detail: expect.stringContaining('r-1') });
    letClusters();
    gate();
    await openRound();
    expect((await updatesOf(root, 'r-2')).map(({ cluster }) => cluster).sort()).toEqual(['east', 'other']);
  });

  it("gives one round of the parent's up when the region's misses its quorum", async () => {
    const rounds = { ...upward().rounds, recruitForMs: 1_000 };
    const { root, region, said, gate, start, openRound } = await openTree({
      regionPolicy: upward({ rounds }),
      rootPolicy: meanOf(1),
    });
    answering(region.engine, clusters.slice(1));
    await start();
    await openRound();
    const refused = await said.once('refused');
    expect(refused).toMatchObject({ verdict: 'giveUp', fault: { code: 'REGION_ROUND_ABANDONED' } });
    expect(refused.fault.message).toContain('COHORT_TOO_SMALL');
    unwrap(await root.engine.cancelRound(operator, { track, round: 'r-1' as never, reason: 'too few came' }));
    gate();
    answering(region.engine, clusters.slice(0, 1));
    await openRound();
    expect((await updatesOf(root, 'r-2')).map(({ cluster }) => cluster)).toContain('east');
  });

  it('keeps its sealed update while the parent is away, and delivers that very one', async () => {
    const { root, region, said, gate, start, openRound } = await openTree();
    answering(region.engine, clusters);
    let isAway = true;
    const away = refuse('GRPC_UNAVAILABLE', 'the parent is away', { status: 'UNAVAILABLE' });
    const toRounds: UplinkConfig['connect'] = (...to) => {
      const line = root.connectToRounds(...to);
      return { ...line, status: async (...asked) => (isAway ? away : await line.status(...asked)) };
    };
    const identity = await root.enrol('east' as ClusterId);
    await start({ reached: { identity, toRounds, toReleases: root.connectToReleases } });
    await openRound();
    const { payload } = await said.once('kept');
    expect(await said.once('refused')).toMatchObject({ verdict: 'retry', fault: { code: 'GRPC_UNAVAILABLE' } });
    isAway = false;
    gate();
    const updates = await updatesOf(root, 'r-1');
    expect(updates.find(({ cluster }) => cluster === 'east')?.payloadDigest).toBe(payload);
    expect(roundsOf(region)).toHaveLength(1);
  });

  it('waits for a round that an operator of the region has opened', async () => {
    const { root, region, said, gate, start, openRound } = await openTree();
    const letClusters = gated(region, clusters);
    await start();
    await until(region.engine, () => region.engine.state().tracks.get(track)?.headVersion === 1 || undefined);
    unwrap(await region.engine.openRound(operator, { track, reason: "the region's own" }));
    await openRound();
    expect((await said.once('waiting')).fault.message).toContain('ROUND_OPEN');
    letClusters();
    gate();
    expect((await updatesOf(root, 'r-1')).map(({ cluster }) => cluster).sort()).toEqual(['east', 'other']);
    expect(roundsOf(region).map(({ reason }) => reason.slice(0, 20))).toEqual([
      "the region's own",
      'for round r-1 of roo',
    ]);
  });

  it('refuses where the candidates of its track are its own, or the parent asks for a sample in training', async () => {
    const { region, said, start, openRound } = await openTree({ regionPolicy: meanOf(3) });
    await start();
    await openRound();
    expect(await said.once('refused')).toMatchObject({ verdict: 'giveUp', fault: { code: 'TRACK_NOT_UPWARD' } });
    expect(roundsOf(region)).toEqual([]);
    const hold = heldRounds({
      region: region.engine,
      timers: systemTimers,
      isStopping: () => false,
      report: () => undefined,
    });
    const mixed = { plan: { sample: { mix: 0.1 } } } as Parameters<typeof hold>[0];
    const asked = await hold(mixed, { base: '', sample: undefined }, new AbortController().signal);
    expect(asked).toMatchObject({ ok: false, fault: { code: 'PLAN_UNSUPPORTED' } });
  });
});

it('holds a round anew where its parent was restored from a backup, and gives a round the name and the base of one before', async () => {
  const { root, region, identity, gate, start, openRound } = await openTree();
  const [folder, backup] = [tempDir(), join(tempDir(), 'data')];
  answering(region.engine, clusters);
  gate();
  const before = await start({}, folder);
  await until(root.engine, () => root.engine.connected().size === 2 || undefined);
  cpSync(root.dataDir, backup, { recursive: true });
  const provenanceIn = async (node: Node) =>
    (await updatesOf(node, 'r-1')).find(({ cluster }) => cluster === 'east')?.provenance;
  await openRound();
  const first = await provenanceIn(root);
  await before.close();
  await root.close();

  const restored = await openNode('root', meanOf(2), ['other' as ClusterId], backup);
  gated(restored, ['other' as ClusterId])();
  await openParent(region, restored, identity, {}, folder);
  await until(restored.engine, () => restored.engine.connected().size === 2 || undefined);
  expect(unwrap(await restored.engine.openRound(operator, { track, reason: 'test' })).value).toBe('r-1');
  const second = await provenanceIn(restored);
  expect(roundsOf(region).map(({ phase }) => phase.kind)).toEqual(['candidate', 'candidate']);
  expect(first).toBeDefined();
  expect(second).toBeDefined();
  expect(second).not.toBe(first);
});

it('goes on with the round that a relay of a build before held when it was replaced', async () => {
  const { root, region, gate, start, openRound } = await openTree();
  answering(region.engine, clusters);
  gate();
  const { digest } = headOf(region.engine.state().tracks.get(track) as Track);
  await until(region.engine, () => region.engine.connected().size === clusters.length || undefined);
  const reason = `for round r-1 of ${root.engine.federation}, which starts from ${digest}`;
  unwrap(await region.engine.openRound(operator, { track, reason }));
  await ended(region.engine, 'r-1');
  await start();
  const updates = await updatesOf(root, await openRound());
  expect(updates.map(({ cluster }) => cluster).sort()).toEqual(['east', 'other']);
  expect(roundsOf(region).map(({ phase }) => phase.kind)).toEqual(['candidate']);
});

it('goes back with its parent, and forward again, to what it published for each of its versions', async () => {
  const { root, region, gate, start, openRound } = await openTree();
  answering(region.engine, clusters);
  gate();
  await start();
  await openRound();
  const stable = () => region.engine.state().tracks.get(track)?.releasing.channels.stable?.version;
  await until(region.engine, () => stable() === 3 || undefined);
  unwrap(await root.registry.rollBack(operator, { track, version: 0, reason: 'test' }));
  await until(region.engine, () => stable() === 1 || undefined);
  expect(region.engine.state().tracks.get(track)?.headVersion).toBe(1);
  unwrap(await root.registry.promote(operator, { track, version: 1, reason: 'test' }));
  await until(region.engine, () => stable() === 3 || undefined);
  expect(region.engine.state().tracks.get(track)?.models).toHaveLength(4);
});
