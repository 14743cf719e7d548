import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ok, type Result, refuse, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { canMount, mountSmallDisk } from '../../base/testing/small-disk.ts';
import { digestOf } from '../../proto/digest.ts';
import {
  type ClusterId,
  type Digest,
  parseClusterId,
  parseRoundId,
  parseTrackId,
  type RoundId,
  type TrackId,
} from '../../proto/ids.ts';
import type { AggregationJob, AggregationResult, AggregationRunner, RunFaultCode } from '../candidate/job.ts';
import { placesIn } from '../candidate/places.ts';
import type { Provenance } from '../candidate/provenance.ts';
import { ThreadRunner } from '../candidate/thread-runner.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import { type Invitation, type SealedUpdate, sealDelta } from '../testing/sealed-delta.ts';
import { deltaOf, submit, takePart } from '../testing/small-client.ts';
import {
  clusters,
  openSmallFederation,
  operator,
  policy,
  type SmallFederationOptions,
  track,
} from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd, until } from '../testing/wait.ts';
import type { Directive } from './directives.ts';
import type { Engine } from './engine.ts';

const [a, b, c, d, e] = clusters as [ClusterId, ClusterId, ClusterId, ClusterId, ClusterId];

async function engineIn(dataDir: string, options: SmallFederationOptions = {}): Promise<Engine> {
  const engine = await openSmallFederation(dataDir, options);
  onTestFinished(() => engine.close());
  return engine;
}

/** Connects everyone, opens a round, and returns what each was invited to. */
async function openRound(engine: Engine): Promise<Map<ClusterId, Invitation>> {
  const invitations = new Map<ClusterId, Invitation>();
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const cluster of clusters) {
    const membership = engine.join(cluster, [track], (directive: Directive) => {
      if (directive.kind !== 'invitation') return;
      invitations.set(cluster, directive);
      if (invitations.size === clusters.length) resolve();
    });
    onTestFinished(() => membership.leave());
  }
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  await promise;
  return invitations;
}

async function sealedFor(invitations: Map<ClusterId, Invitation>, cluster: ClusterId): Promise<SealedUpdate> {
  return sealDelta(invitations.get(cluster) as Invitation, cluster, deltaOf(cluster, 'r-1'));
}

const codeOf = (result: Result<unknown>) => (result.ok ? 'ok' : result.fault.code);

async function refusals(engine: Engine): Promise<Extract<JournalEvent, { kind: 'refused' }>[]> {
  const entries = unwrap(await engine.audit(1, 10_000));
  return entries.flatMap(({ event }) => (event.kind === 'refused' ? [event] : []));
}

async function acceptedEntries(engine: Engine): Promise<string[]> {
  const entries = unwrap(await engine.audit(1, 10_000));
  return entries.flatMap(({ event }) =>
    event.kind === 'roundStepped' && event.event.kind === 'updateArrived' ? [event.event.update.cluster] : [],
  );
}

describe('an update', () => {
  it('gets the same receipt as often as it is sent, also at once, also after its round and a restart', async () => {
    const dataDir = tempDir();
    const engine = await openSmallFederation(dataDir);
    const invitations = await openRound(engine);
    const update = await sealedFor(invitations, a);
    const first = unwrap(await submit(engine, update));
    const parallel = await Promise.all(
      Array.from({ length: 10 }, () => engine.acceptUpdate(update.header, Buffer.alloc(64, 1))),
    );
    for (const receipt of parallel) expect(unwrap(receipt)).toEqual(first);
    for (const cluster of [b, c, d, e]) unwrap(await submit(engine, await sealedFor(invitations, cluster)));
    await roundEnd(engine, 'r-1');
    expect(unwrap(await submit(engine, update))).toEqual(first);
    await engine.close();
    const again = await engineIn(dataDir);
    expect(unwrap(await submit(again, update))).toEqual(first);
    expect(again.receiptOf(a, track, 'r-1' as RoundId, first.payloadDigest)).toEqual(first);
    expect(await acceptedEntries(again)).toEqual([a, b, c, d, e]);
  });

  it('counts once when two different ones of a cluster race; the other is refused', async () => {
    const engine = await engineIn(tempDir());
    const invitations = await openRound(engine);
    const rivals = await Promise.all([sealedFor(invitations, a), sealedFor(invitations, a), sealedFor(invitations, a)]);
    for (const { payload } of rivals) unwrap(await engine.blobs.put(payload));
    const outcomes = await Promise.all(rivals.map(({ header }) => engine.acceptUpdate(header, Buffer.alloc(64, 1))));
    expect(outcomes.map(codeOf).sort()).toEqual(['UPDATE_CONFLICT', 'UPDATE_CONFLICT', 'ok']);
    expect(await acceptedEntries(engine)).toEqual([a]);
  });

  it('is refused with a code for everything that its header gets wrong', async () => {
    const engine = await engineIn(tempDir());
    const invitations = await openRound(engine);
    const { header, payload } = await sealedFor(invitations, a);
    unwrap(await engine.blobs.put(payload));
    const other = digestOf(Buffer.from('other'));
    const cases: [Partial<typeof header>, string][] = [
      [{ cluster: parseClusterId('stranger') }, 'CLUSTER_NOT_ENROLLED'],
      [{ track: parseTrackId('flow') }, 'TRACK_NOT_FOUND'],
      [{ round: parseRoundId('r-2') }, 'ROUND_NOT_FOUND'],
      [{ base: other }, 'BASE_MISMATCH'],
      [{ schema: other }, 'SCHEMA_MISMATCH'],
      [{ plainBytes: header.plainBytes + 4 }, 'LENGTH_MISMATCH'],
    ];
    for (const [change, code] of cases) {
      expect(codeOf(engine.checkUpdate({ ...header, ...change })), JSON.stringify(change)).toBe(code);
    }
    expect(codeOf(await engine.acceptUpdate({ ...header, payload: other }, Buffer.alloc(64)))).toBe('PAYLOAD_MISSING');
    expect(await acceptedEntries(engine)).toEqual([]);
    expect(codeOf(await engine.acceptUpdate(header, Buffer.alloc(64)))).toBe('ok');
    const copied = { ...header, cluster: b };
    expect(codeOf(await engine.acceptUpdate(copied, Buffer.alloc(64)))).toBe('PAYLOAD_REUSED');
    expect(await engine.blobs.has(header.payload)).toBe(true); // It is a's, and counts.
  });

  it('that comes late is told which round to join', async () => {
    const engine = await engineIn(tempDir());
    const invitations = await openRound(engine);
    const late = await sealedFor(invitations, a);
    unwrap(await engine.cancelRound(operator, { track, round: 'r-1' as RoundId, reason: 'enough' }));
    unwrap(await engine.openRound(operator, { track, reason: 'next' }));
    expect(engine.checkUpdate(late.header)).toMatchObject({
      fault: { code: 'ROUND_CLOSED', fields: { joinNext: 'r-2' } },
    });
  });

  it('of a cluster that is quarantined or revoked meanwhile is not counted, and the report says so', async () => {
    const roomy = { ...policy, rounds: { ...policy.rounds, quorum: { kind: 'count', updates: 3 } } } as const;
    const aggregation = { ...policy.aggregation, f: 0 };
    const engine = await engineIn(tempDir(), { policy: { ...roomy, aggregation } });
    const invitations = await openRound(engine);
    unwrap(await submit(engine, await sealedFor(invitations, a)));
    const quarantine: JournalEvent = { kind: 'quarantineSet', cluster: a, quarantined: true, reason: 'odd' };
    unwrap(await engine.commit(operator, () => ok({ events: [quarantine], value: undefined })));
    const revocation: JournalEvent = { kind: 'clusterRevoked', cluster: b, reason: 'gone' };
    unwrap(await engine.commit(operator, () => ok({ events: [revocation], value: undefined })));
    await until(engine, () => (expelledCount(engine) === 2 ? true : undefined));
    expect(codeOf(await submit(engine, await sealedFor(invitations, b)))).toBe('CLUSTER_NOT_ENROLLED');
    for (const cluster of [c, d, e]) unwrap(await submit(engine, await sealedFor(invitations, cluster)));
    const { phase } = await roundEnd(engine, 'r-1');
    const provenance = await provenanceOf(engine, phase.kind === 'candidate' ? phase.provenance : undefined);
    expect(provenance.updates.map(({ cluster }) => cluster).sort()).toEqual([c, d, e]);
    expect(provenance.expelled.map(({ cluster, code }) => [cluster, code])).toEqual([[a, 'CLUSTER_QUARANTINED']]);
  });
});

function expelledCount(engine: Engine): number {
  const phase = engine.state().tracks.get(track)?.rounds.values().next().value?.phase;
  return phase?.kind === 'collecting' ? phase.expelled.length : 0;
}

async function provenanceOf(engine: Engine, digest: Digest | undefined): Promise<Provenance> {
  const bytes = unwrap(await engine.blobs.get(digest as Digest));
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as Provenance;
}

describe('a round', () => {
  it('excludes what cannot be opened, is not finite or is too large, names each, and goes on with the rest', async () => {
    const wide: SmallFederationOptions = {
      policy: { ...policy, aggregation: { ...policy.aggregation, f: 0 } },
    };
    const engine = await engineIn(tempDir(), wide);
    const invitations = await openRound(engine);
    const spoilt = async (cluster: ClusterId, change: (values: Float32Array) => void) => {
      const values = deltaOf(cluster, 'r-1');
      change(values);
      return sealDelta(invitations.get(cluster) as Invitation, cluster, values);
    };
    unwrap(await submit(engine, await spoilt(a, (values) => values.fill(Number.NaN, 7, 8))));
    const shut = await sealedFor(invitations, b);
    const broken = Buffer.from(shut.payload);
    broken[500] = (broken[500] as number) ^ 1;
    const header = { ...shut.header, payload: digestOf(broken) };
    unwrap(await submit(engine, { header, payload: broken }));
    for (const cluster of [c, d, e]) unwrap(await submit(engine, await sealedFor(invitations, cluster)));
    const { phase } = await roundEnd(engine, 'r-1');
    const provenance = await provenanceOf(engine, phase.kind === 'candidate' ? phase.provenance : undefined);
    const codes = new Map(provenance.updates.map(({ cluster, verdict, code }) => [cluster, `${verdict} ${code}`]));
    expect(codes.get(a)).toBe('refused NON_FINITE');
    expect(codes.get(b)).toBe('refused PAYLOAD_TAMPERED');
    expect(provenance).toMatchObject({ n: 4, nAdmitted: 3, fApplied: 0 });
  });

  it('leaves no key, no plaintext and no unfinished upload behind', async () => {
    const dataDir = tempDir();
    const engine = await engineIn(dataDir, {});
    for (const cluster of clusters) takePart(engine, cluster, () => {});
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    const round = await roundEnd(engine, 'r-1');
    expect(round.keyDestroyedAtMs).not.toBeNull();
    expect(existsSync(join(dataDir, 'keys', `round.${track}.r-1`))).toBe(false);
    expect(readdirSync(join(dataDir, 'scratch'))).toEqual([]);
    expect(readdirSync(join(dataDir, 'partial'))).toEqual([]);
  });

  it('is the same to the bit when it is aggregated again, in memory or through scratch files', async () => {
    const results: AggregationResult[] = [];
    const dataDir = tempDir();
    const replaying = (keyStore: ConstructorParameters<typeof ThreadRunner>[0]['keyStore']): AggregationRunner => {
      const runners = [undefined, 1, undefined].map(
        (memoryBytesMax) =>
          new ThreadRunner({
            places: { ...placesIn(dataDir), ...(memoryBytesMax && { memoryBytesMax }) },
            keyStore,
            timers: systemTimers,
          }),
      );
      return {
        run: async (job) => {
          for (const runner of runners) results.push(unwrap(await runner.run(job)));
          return ok(results[0] as AggregationResult);
        },
        close: async (force) => void (await Promise.all(runners.map((runner) => runner.close(force)))),
      };
    };
    const { Vault } = await import('../keys/vault.ts');
    const keyStore = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
    const engine = await engineIn(dataDir, { keyStore, runner: replaying(keyStore) });
    for (const cluster of clusters) takePart(engine, cluster, () => {});
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    expect((await roundEnd(engine, 'r-1')).phase.kind).toBe('candidate');
    expect(results).toHaveLength(3);
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  it('is tried again, unhurriedly, when its worker is lost, and abandoned by name at its deadline', async () => {
    let runs = 0;
    const lost: AggregationRunner = {
      run: async (): Promise<Result<never, RunFaultCode>> => {
        runs++;
        return refuse('WORKER_LOST', 'no worker today');
      },
      close: async () => {},
    };
    const hurried = { ...policy, rounds: { ...policy.rounds, aggregateForMs: 1_200 } };
    const engine = await engineIn(tempDir(), { runner: lost, policy: hurried });
    for (const cluster of clusters) takePart(engine, cluster, () => {});
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    const { phase } = await roundEnd(engine, 'r-1');
    expect(phase).toMatchObject({ kind: 'abandoned', reason: 'AGGREGATION_OVERDUE' });
    expect(phase.kind === 'abandoned' && phase.accepted).toHaveLength(5);
    expect(runs).toBeGreaterThan(1);
    expect(runs).toBeLessThan(5);
  });

  it('takes no result that is not its own, whoever brings it', async () => {
    const dataDir = tempDir();
    const { Vault } = await import('../keys/vault.ts');
    const keyStore = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
    const honest = new ThreadRunner({ places: placesIn(dataDir), keyStore, timers: systemTimers });
    const forgeries: ((job: AggregationJob) => Promise<Result<AggregationResult, RunFaultCode>>)[] = [
      // The rule of another policy, run by someone who changed the job in the queue.
      (job) => honest.run({ ...job, policy: { ...job.policy, f: 0, rule: { kind: 'mean' } } }),
      // Fewer updates than were accepted.
      (job) => honest.run({ ...job, updates: job.updates.slice(1), policy: { ...job.policy, f: 0 } }),
      // The base again, in place of a candidate.
      async (job) => {
        const { provenance } = unwrap(await honest.run(job));
        return ok({ candidate: job.base.digest, provenance, optimiserState: null });
      },
    ];
    const troubles: string[] = [];
    const runner: AggregationRunner = {
      run: (job) => (forgeries.shift() ?? ((own: AggregationJob) => honest.run(own)))(job),
      close: (force) => honest.close(force),
    };
    const trouble = (_: string, message: string) => void troubles.push(message);
    const engine = await engineIn(dataDir, { keyStore, runner, trouble });
    for (const cluster of clusters) takePart(engine, cluster, () => {});
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    expect((await roundEnd(engine, 'r-1')).phase.kind).toBe('candidate');
    expect(troubles).toHaveLength(3);
    for (const message of troubles) expect(message).toContain('its provenance is of another job');
  });

  it('tells its cohort how it ended, also where it ends before all that its close asked for is done', async () => {
    const engine = await engineIn(tempDir());
    const { blobs } = engine;
    const dropUploads = blobs.dropUploads.bind(blobs);
    const goOn = Promise.withResolvers<void>();
    blobs.dropUploads = async (...of) => {
      await goOn.promise; // A slow disk.
      await dropUploads(...of);
    };
    const told: string[] = [];
    for (const cluster of clusters) {
      engine.join(cluster, [track], async (directive) => {
        if (directive.kind === 'closed') told.push(`${cluster} ${directive.outcome}`);
        else await submit(engine, await sealDelta(directive, cluster, deltaOf(cluster, 'r-1')));
      });
    }
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    const phaseOf = () => engine.state().tracks.get(track)?.rounds.get(parseRoundId('r-1'))?.phase.kind;
    await until(engine, () => (phaseOf() === 'candidate' ? true : undefined));
    goOn.resolve();
    await roundEnd(engine, 'r-1');
    const outcomes = ['aggregating', 'candidate'];
    expect(told).toEqual(outcomes.flatMap((outcome) => clusters.map((cluster) => `${cluster} ${outcome}`)));
  });

  it('is abandoned when its key is lost, and says so', async () => {
    const dataDir = tempDir();
    const engine = await engineIn(dataDir);
    const invitations = await openRound(engine);
    rmSync(join(dataDir, 'keys', `round.${track}.r-1`));
    for (const cluster of clusters) unwrap(await submit(engine, await sealedFor(invitations, cluster)));
    expect((await roundEnd(engine, 'r-1')).phase).toMatchObject({ kind: 'abandoned', reason: 'ROUND_KEY_LOST' });
  });

  it('carries a straggler over, weighted by its staleness, when the policy says so', async () => {
    const carrying = { ...policy, rounds: { ...policy.rounds, carryOver: { stalenessMax: 1, exponent: 0.5 } } };
    const engine = await engineIn(tempDir(), { policy: carrying });
    const leave = clusters.map((cluster) => takePart(engine, cluster, () => {}));
    unwrap(await engine.openRound(operator, { track, reason: 'first' }));
    await roundEnd(engine, 'r-1');
    for (const each of leave) each();
    const initial = engine.state().tracks.get(track)?.models[0]?.digest as Digest;
    const second = await engineRound(engine, 'r-2', async (invitation, cluster) =>
      sealDelta(invitation, cluster, deltaOf(cluster, 'r-2'), cluster === a ? initial : invitation.base.digest),
    );
    const provenance = await provenanceOf(engine, second.kind === 'candidate' ? second.provenance : undefined);
    const scales = provenance.updates.map(({ cluster, staleness, scale }) => [cluster, staleness, scale]);
    expect(scales).toContainEqual([a, 1, 2 ** -0.5]);
    expect(scales.filter(([, staleness]) => staleness === 0)).toHaveLength(4);
  });
});

async function engineRound(
  engine: Engine,
  id: string,
  seal: (invitation: Invitation, cluster: ClusterId) => Promise<SealedUpdate>,
) {
  for (const cluster of clusters) engine.join(cluster, [track], () => {});
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  for (const cluster of clusters) {
    const [directive] = engine.join(cluster, [track], () => {}).current;
    unwrap(await submit(engine, await seal(directive as Invitation, cluster)));
  }
  return (await roundEnd(engine, id)).phase;
}

describe('an engine', () => {
  it('refuses a data directory that another one uses, and one of another federation', async () => {
    const dataDir = tempDir();
    const engine = await openSmallFederation(dataDir);
    await expect(openSmallFederation(dataDir)).rejects.toMatchObject({ fault: { code: 'DATA_DIR_LOCKED' } });
    await engine.close();
    await expect(openSmallFederation(dataDir, { federation: 'other' as never })).rejects.toMatchObject({
      fault: { code: 'FEDERATION_MISMATCH' },
    });
  });

  it('stops when its lock was stolen: the writes of its epoch are refused, and nothing of them is kept', async () => {
    const dataDir = tempDir();
    const first = await openSmallFederation(dataDir);
    rmSync(join(dataDir, 'lock')); // What a broken network mount amounts to.
    const second = await engineIn(dataDir);
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(codeOf(await first.openRound(operator, { track, reason: 'stale' }))).toBe('EPOCH_STALE');
    expect(await first.halted).toMatchObject({ code: 'EPOCH_STALE' });
    expect(second.state().tracks.get(track)?.roundCount).toBe(0);
    unwrap(await second.openRound(operator, { track, reason: 'fresh' }));
    await first.close();
    expect((await second.verify()).ok).toBe(true);
  });

  it('goes on with 1,000 journalled updates after a restart, whose time it prints', async () => {
    const dataDir = tempDir();
    const many = Array.from({ length: 1_000 }, (_, index) => `cluster-${index}` as ClusterId);
    const quorum = { kind: 'count', updates: 1_001 } as const;
    const large = { ...policy, rounds: { ...policy.rounds, quorum, goal: { kind: 'count', updates: 1_001 } as const } };
    const engine = await openSmallFederation(dataDir, { members: many, policy: large });
    unwrap(await engine.commit(operator, () => ok({ events: enrolled('last'), value: undefined })));
    const members = [...many, 'last' as ClusterId].map((cluster) => ({
      cluster,
      membership: engine.join(cluster, [track], () => {}),
    }));
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    const accept = async ({ cluster }: (typeof members)[number]) => {
      const [directive] = engine.join(cluster, [track], () => {}).current;
      const update = await sealDelta(directive as Invitation, cluster, deltaOf(cluster, 'r-1'));
      unwrap(await engine.blobs.put(update.payload));
      unwrap(await engine.acceptUpdate(update.header, Buffer.alloc(64)));
    };
    for (let at = 0; at < 1_000; at += 100) await Promise.all(members.slice(at, at + 100).map(accept));
    await engine.close();
    const started = performance.now();
    const again = await openSmallFederation(dataDir, { members: [] });
    const seconds = (performance.now() - started) / 1_000;
    expect(await acceptedEntries(again)).toHaveLength(1_000);
    console.log(`restart with 1,000 journalled updates: ${seconds.toFixed(2)} s`);
    await again.close();
  });

  it('refuses cleanly while its disk is full, and finishes its round when there is room', async (context) => {
    const dataDir = join(tempDir(), 'disk');
    const { mkdirSync } = await import('node:fs');
    mkdirSync(dataDir);
    if (!canMount(dataDir)) return context.skip('mounting a tmpfs is not allowed here');
    mountSmallDisk(dataDir, 2_048);
    const engine = await openSmallFederation(dataDir, { reserveBytes: 0 });
    try {
      const invitations = await openRound(engine);
      unwrap(await submit(engine, await sealedFor(invitations, a)));
      const ballast = join(dataDir, 'ballast');
      try {
        writeFileSync(ballast, Buffer.alloc(4 * 2 ** 20));
      } catch {
        // Full: as wanted.
      }
      const refused = await submit(engine, await sealedFor(invitations, b));
      expect(codeOf(refused)).toBe('DISK_FULL');
      rmSync(ballast);
      for (const cluster of [b, c, d, e]) unwrap(await submit(engine, await sealedFor(invitations, cluster)));
      expect((await roundEnd(engine, 'r-1')).phase.kind).toBe('candidate');
      expect((await engine.verify()).ok).toBe(true);
    } finally {
      await engine.close();
    }
  });

  it('sums up a flood of refusals in few entries, and loses no count', async () => {
    const dataDir = tempDir();
    const engine = await openSmallFederation(dataDir);
    for (let count = 0; count < 500; count++) {
      const where = { track, round: 'r-9', cluster: a };
      engine.refuse(
        { kind: 'cluster', cluster: a },
        { what: 'update', code: 'ROUND_NOT_FOUND', cause: 'no', ...where },
      );
    }
    await engine.close();
    const again = await engineIn(dataDir);
    const entries = await refusals(again);
    expect(entries).toHaveLength(11);
    expect(entries.reduce((sum, { repeats }) => sum + 1 + repeats, 0)).toBe(500);
  });

  it('plans what would run, without running it', async () => {
    const nightly = { cron: '0 2 * * *', timeZone: 'UTC', blackouts: [{ days: [], from: '01:30', to: '03:00' }] };
    let nowMs = Date.parse('2026-06-01T12:00:00Z');
    const engine = await engineIn(tempDir(), {
      policy: { ...policy, schedule: nightly },
      timers: { ...systemTimers, now: () => nowMs },
    });
    const before = engine.state().seq;
    const planned = engine.planRounds(Date.parse('2026-06-03T00:00:00Z'));
    expect(planned.map(({ atMs, heldBecause }) => [new Date(atMs).toISOString(), heldBecause])).toEqual([
      ['2026-06-02T02:00:00.000Z', 'BLACKOUT'],
      ['2026-06-02T03:00:00.000Z', null],
    ]);
    expect(engine.state().seq).toBe(before);
    nowMs = Date.parse('2026-06-02T03:00:01Z');
    engine.wake();
    await until(engine, () =>
      engine
        .state()
        .tracks.get(track as TrackId)
        ?.rounds.get('r-1' as RoundId),
    );
  });
});

function enrolled(name: string): JournalEvent[] {
  const cluster = name as ClusterId;
  return [
    {
      kind: 'tokenMinted',
      tokenId: `t-${name}`,
      cluster,
      secretDigest: digestOf(Buffer.from(name)),
      expiresAtMs: Date.now() + 1_000,
      labels: {},
    },
    {
      kind: 'clusterEnrolled',
      cluster,
      tokenId: `t-${name}`,
      signingKey: '',
      certificateSerial: name,
      certificateExpiresAtMs: Date.now() + 1_000,
      labels: {},
    },
  ];
}
