import { join } from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { digestOf } from '../../proto/digest.ts';
import type { ClusterId, FederationId, TrackId } from '../../proto/ids.ts';
import { layoutOf } from '../../proto/layout.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import { Vault } from '../keys/vault.ts';
import type { Actor, Labels } from '../ledger/journal/events.ts';
import { createTrack } from '../ledger/track-changes.ts';
import type { TrackPolicy } from '../round/policy.ts';
import type { Engine } from '../rounds/engine.ts';
import { type EngineOptions, openEngine } from '../rounds/open-engine.ts';
import { seededValues } from './sealed-delta.ts';

export const federation = 'herd' as FederationId;
export const track = 'syscall' as TrackId;
export const operator: Actor = { kind: 'operator', name: 'ada', role: 'admin' };
export const clusters = ['a', 'b', 'c', 'd', 'e'].map((name) => `cluster-${name}` as ClusterId);

/** A model of 300 values in two tensors. */
const spec: ModelSpec = {
  architecture: 'test/1',
  hyperparameters: {},
  tensors: [
    { name: 'weights', shape: [29, 10] },
    { name: 'bias', shape: [10] },
  ],
};
export const valueCount = 300;

/** Krum on five clusters, one of which may lie; momentum, so that the server has a state to keep. */
export const policy: TrackPolicy = {
  aggregation: { f: 1, admission: { normMax: 1e6, zeroUpdate: 'refuse' }, before: [], rule: { kind: 'krum' } },
  rounds: {
    goal: { kind: 'share', ofEnrolled: 1 },
    overSelection: 1,
    quorum: { kind: 'count', updates: 5 },
    recruitForMs: 60_000,
    collectForMs: 60_000,
    aggregateForMs: 60_000,
    closesAtGoal: true,
    carryOver: null,
  },
  training: {
    epochs: 1,
    stepsMax: 10,
    batchSize: 8,
    learningRate: 0.1,
    clipNorm: 0,
    noiseMultiplier: 0,
    proximalMu: 0,
  },
  optimiser: { kind: 'momentum', learningRate: 0.5, momentum: 0.5 },
  schedule: null,
};

export type SmallFederationOptions = Partial<EngineOptions> & {
  policy?: TrackPolicy;
  members?: readonly ClusterId[];
  /** Of a track whose first model is all zeros. */
  spec?: ModelSpec;
  labels?: (cluster: ClusterId) => Labels;
};

/** A real engine on real files, with members enrolled and one track: made the first time, found again later. */
export async function openSmallFederation(dataDir: string, options: SmallFederationOptions = {}): Promise<Engine> {
  const { policy: wanted = policy, members = clusters, spec: other, labels = () => ({}), ...engineOptions } = options;
  const keyStore = options.keyStore ?? unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
  const engine = unwrap(
    await openEngine({ dataDir, federation, build: 'test', keyStore, timers: systemTimers, ...engineOptions }),
  );
  for (const cluster of members) {
    if (!engine.state().clusters.has(cluster)) {
      await enrol(engine, cluster, (options.timers ?? systemTimers).now(), labels(cluster));
    }
  }
  if (!engine.state().tracks.has(track)) {
    const values = other === undefined ? seededValues(1, valueCount) : new Float32Array(layoutOf(other).length);
    const modelDigest = unwrap(await engine.blobs.put(new Uint8Array(values.buffer)));
    const made = { track, spec: other ?? spec, policy: wanted, modelDigest, reason: 'test' };
    unwrap(await createTrack(engine, operator, made));
  }
  return engine;
}

async function enrol(engine: Engine, cluster: ClusterId, nowMs: number, labels: Labels): Promise<void> {
  const expiresAtMs = nowMs + 3_600_000;
  const entry = await engine.commit(operator, () => ({
    ok: true,
    value: {
      events: [
        {
          kind: 'tokenMinted',
          tokenId: `t-${cluster}`,
          cluster,
          secretDigest: digestOf(Buffer.from(cluster)),
          expiresAtMs,
          labels,
        },
        {
          kind: 'clusterEnrolled',
          cluster,
          tokenId: `t-${cluster}`,
          signingKey: '',
          certificateSerial: cluster,
          certificateExpiresAtMs: expiresAtMs,
          labels,
        },
      ],
      value: undefined,
    },
  }));
  unwrap(entry);
}
