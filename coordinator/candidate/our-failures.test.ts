import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Result, unwrap } from '../../base/fault.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { masterKey, sealRound } from '../../bench/tiles/sealed-round.ts';
import { digestOf } from '../../proto/digest.ts';
import { Vault } from '../keys/vault.ts';
import { takePart } from '../testing/small-client.ts';
import {
  clusters,
  openSmallFederation,
  operator,
  policy,
  type SmallFederationOptions,
  track,
} from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';
import type { AggregationJob, AggregationResult, AggregationRunner, RunFaultCode } from './job.ts';
import { placesIn } from './places.ts';
import { ThreadRunner } from './thread-runner.ts';

type Ran = Result<AggregationResult, RunFaultCode>;

/** What a disk, a mount or a half-done restore can do to a file that was receipted. */
const damages: Readonly<Record<string, (path: string) => void>> = {
  'is missing': (path) => rmSync(path),
  'was cut': (path) => truncateSync(path, 200),
  'is empty': (path) => truncateSync(path, 0),
  'has one bit flipped': (path) => {
    const bytes = readFileSync(path);
    bytes[500] = (bytes[500] as number) ^ 1;
    writeFileSync(path, bytes);
  },
  'has another beginning': (path) => {
    const bytes = readFileSync(path);
    bytes.fill(0, 0, 8);
    writeFileSync(path, bytes);
  },
  'is longer': (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(9)])),
  'is a folder': (path) => {
    rmSync(path);
    mkdirSync(path);
  },
};

/** A federation whose aggregations go through `run`, which has the thread that really runs them. */
async function federationWith(
  run: (job: AggregationJob, real: (job: AggregationJob) => Promise<Ran>, dataDir: string) => Promise<Ran>,
  options: SmallFederationOptions = {},
) {
  const dataDir = tempDir();
  const keyStore = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
  const thread = new ThreadRunner({ places: placesIn(dataDir), keyStore, timers: systemTimers });
  const runner: AggregationRunner = {
    run: (job) => run(job, (again) => thread.run(again), dataDir),
    close: (force) => thread.close(force),
  };
  const engine = await openSmallFederation(dataDir, { keyStore, runner, ...options });
  onTestFinished(() => engine.close());
  for (const cluster of clusters) takePart(engine, cluster, () => {});
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  return engine;
}

const pathOf = (dataDir: string, digest: string) => join(dataDir, 'blobs', digest.slice('sha256:'.length));

describe('a receipted update that we cannot read', () => {
  it('is nobody’s fault, whatever the disk did: the job is tried again, and f stays', async () => {
    const seen = new Map<string, Ran>();
    const engine = await federationWith(async (job, real, dataDir) => {
      const path = pathOf(dataDir, job.updates[0]?.payloadDigest ?? '');
      const whole = readFileSync(path);
      for (const [name, damage] of Object.entries(damages)) {
        damage(path);
        seen.set(name, await real(job));
        rmSync(path, { recursive: true, force: true });
        writeFileSync(path, whole);
      }
      return real(job);
    });
    const { phase } = await roundEnd(engine, 'r-1');
    expect(phase.kind).toBe('candidate');
    expect([...seen.keys()]).toEqual(Object.keys(damages));
    for (const [name, ran] of seen) expect({ [name]: ran.ok || ran.fault.code }).toEqual({ [name]: 'BLOB_UNREADABLE' });
    const provenance = JSON.parse(
      Buffer.from(
        unwrap(await engine.blobs.get(phase.kind === 'candidate' ? phase.provenance : ('' as never))),
      ).toString(),
    );
    expect(provenance).toMatchObject({ n: 5, nAdmitted: 5, fApplied: 1 });
  });

  it('leaves nothing open where what the last round left cannot be read, however often it is tried', async () => {
    const optimiser = { kind: 'momentum', learningRate: 1, momentum: 0.9 } as const;
    const open: number[] = [];
    const codes: string[] = [];
    const engine = await federationWith(async (job, real) => {
      const lacking = { ...job, optimiser, optimiserState: digestOf(Buffer.from('lost')) };
      for (let attempt = 0; attempt < 3; attempt++) {
        const ran = await real(lacking);
        codes.push(ran.ok ? 'OK' : ran.fault.code);
        open.push(readdirSync('/proc/self/fd').length);
      }
      return real(job);
    });
    expect((await roundEnd(engine, 'r-1')).phase.kind).toBe('candidate');
    expect(codes).toEqual(Array.from({ length: 3 }, () => 'BLOB_UNREADABLE'));
    expect(open[2]).toBe(open[0]);
  });

  it('abandons the round at its deadline, naming the cause and every receipted update', async () => {
    const timers = new SimulatedTimers(0);
    const { promise: inTrouble, resolve } = Promise.withResolvers<void>();
    const trouble = (code: string) => void (code === 'BLOB_UNREADABLE' && resolve());
    const engine = await federationWith(
      (job, real, dataDir) => {
        rmSync(pathOf(dataDir, job.updates[0]?.payloadDigest ?? ''), { force: true });
        return real(job);
      },
      { timers, trouble },
    );
    await inTrouble;
    await timers.advance(policy.rounds.aggregateForMs);
    const { phase } = await roundEnd(engine, 'r-1');
    expect(phase).toMatchObject({
      kind: 'abandoned',
      reason: 'AGGREGATION_OVERDUE',
      detail: expect.stringMatching(/BLOB_UNREADABLE: the update of cluster-. cannot be read/),
    });
    expect(phase.kind === 'abandoned' && phase.accepted).toHaveLength(5);
  });
});

it('a job for which no thread can be started is refused for now, and runs once one can be', async () => {
  const dataDir = tempDir();
  const { job } = await sealRound(dataDir, { n: 5, f: 1, d: 300 });
  const keyStore = unwrap(await Vault.open(join(dataDir, 'keys'), masterKey));
  // No thread starts with what cannot be copied into it, as none does where the kernel grants no more of them: both throw at once.
  const places = { ...placesIn(dataDir), sampleReader: (() => '') as never };
  const runner = new ThreadRunner({ places, keyStore, timers: systemTimers });
  onTestFinished(() => runner.close());
  runner.prepare(1);
  expect(await runner.run(job)).toMatchObject({ ok: false, fault: { code: 'WORKER_LOST' } });
  places.sampleReader = undefined as never;
  expect(await runner.run(job)).toMatchObject({ ok: true });
});
