import { unwrap } from '../../base/fault.ts';
import { defaultKind } from '../../client/tracks/track-kinds.ts';
import type { Actor, JournalEvent } from '../../coordinator/ledger/journal/events.ts';
import { createTrack } from '../../coordinator/ledger/track-changes.ts';
import { ensureRoot } from '../../coordinator/registry/signing/founding.ts';
import type { TrackPolicy } from '../../coordinator/round/policy.ts';
import { digestOf } from '../../proto/digest.ts';
import { type SigningKeyPair, signingKeyPairOf } from '../../proto/envelope/crypto/keys.ts';
import { parseClusterId, parseFederationId, parseTrackId } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import { CoordinatorImage, Disk } from './ground/disk.ts';
import { openOnDisk } from './ground/journal-disk.ts';
import { SimulatedCoordinator } from './players/coordinator.ts';
import { Draws } from './world/draws.ts';
import { History } from './world/history.ts';
import { dawnMs, World } from './world/world.ts';

export const federation = parseFederationId('herd');
export const track = parseTrackId(defaultKind);
/** The last one is hostile. */
export const clusters = ['cluster-a', 'cluster-b', 'cluster-c', 'cluster-x'].map(parseClusterId);
export const honestCount = 3;
export const operator: Actor = { kind: 'operator', name: 'ada', role: 'admin' };

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Four values: the simulation is not about them. */
const spec: ModelSpec = { architecture: 'test/1', hyperparameters: {}, tensors: [{ name: 'weights', shape: [4] }] };

/** Rounds at half past midnight, and six, twelve and eighteen hours later. */
const policy: TrackPolicy = {
  aggregation: { f: 0, admission: { normMax: 1e6, zeroUpdate: 'refuse' }, before: [], rule: { kind: 'krum' } },
  rounds: {
    goal: { kind: 'share', ofEnrolled: 1 },
    overSelection: 1,
    quorum: { kind: 'count', updates: 3 },
    recruitForMs: 10 * minuteMs,
    collectForMs: hourMs,
    aggregateForMs: 30 * minuteMs,
    closesAtGoal: true,
    carryOver: { stalenessMax: 2, exponent: 1 },
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
  optimiser: { kind: 'plain', learningRate: 1 },
  schedule: { cron: '30 0-18/6 * * *', timeZone: 'UTC', blackouts: [] },
};
const gate = {
  clustersMin: 1,
  scoredMin: 300,
  agreementMin: 0.9,
  recallDropMax: 0.1,
  alertsPerDayMax: 10,
  hoursMax: 2,
  approvals: 1,
} as const;

export type Founded = Readonly<{
  image: CoordinatorImage;
  receiptKey: SigningKeyPair;
  pinKey: SigningKeyPair;
  keys: readonly SigningKeyPair[];
}>;

/** Whether versions pass a gate, and whether the last cluster of a round is waited for no longer than a grace. */
export type Kind = Readonly<{ hasGate: boolean; hasGrace: boolean }>;

const founded = new Map<string, Founded>();

/** A federation an hour before dawn, the same for every seed of its kind: it is founded once and copied. */
export async function foundedWith(kind: Kind): Promise<Founded> {
  const name = `${kind.hasGate} ${kind.hasGrace}`;
  const known = founded.get(name) ?? (await found(kind));
  founded.set(name, known);
  return known;
}

function policyOf({ hasGate, hasGrace }: Kind): TrackPolicy {
  return { ...policy, rounds: { ...policy.rounds, graceMs: hasGrace ? minuteMs : null }, ...(hasGate && { gate }) };
}

/** The key pair of a name, always the same. */
function keyOf(name: string): SigningKeyPair {
  return signingKeyPairOf(Buffer.from(digestOf(Buffer.from(name)).slice('sha256:'.length), 'hex'));
}

async function found(kind: Kind): Promise<Founded> {
  const { hasGate } = kind;
  const world = new World(dawnMs - hourMs);
  const draws = new Draws(hasGate ? 1 : 2);
  const image = new CoordinatorImage();
  const disk = new Disk('founding', draws);
  const receiptKey = keyOf('receipts');
  const pinKey = keyOf('pins');
  const keys = clusters.map(keyOf);
  const coordinator = new SimulatedCoordinator('founder', {
    world,
    draws,
    history: new History(world, false),
    image,
    disk,
    openLedger: (_, process, opening) => openOnDisk(image, disk, process, opening),
    clock: { aheadMs: 0 },
    federation,
    receiptKey,
    trouble: (code, message) => {
      throw new Error(`founding: ${code} ${message}`);
    },
    jobBegan: () => {},
    keyPut: () => {},
    acknowledged: () => {},
  });
  coordinator.start();
  await world.run(world.nowMs + minuteMs, () => coordinator.host !== undefined);
  const host = coordinator.host;
  if (host === undefined) throw new Error('founding: the coordinator does not start');
  const { engine, registry } = host.services;
  const vault = {
    ...{ put: put(image), add: add(image), get: async (name: string) => image.keys.get(name), destroy: async () => {} },
    present: async (names: readonly string[]) => names.filter((name) => image.keys.has(name)),
  };
  let isDone = false;
  const work = async () => {
    for (const [index, cluster] of clusters.entries()) {
      const events = enrolment(cluster, keys[index] as SigningKeyPair, world.nowMs + 365 * 24 * hourMs);
      unwrap(await engine.commit(operator, () => ({ ok: true, value: { events, value: undefined } })));
    }
    const modelDigest = unwrap(await engine.blobs.put(new Uint8Array(16).fill(1)));
    const made = { track, spec, policy: policyOf(kind), modelDigest, reason: 'founded' };
    unwrap(await createTrack(engine, operator, made));
    await ensureRoot({ store: engine, vault, nowMs: world.nowMs }, operator, pinKey);
    await registry.settled();
    if (hasGate) {
      for (const cluster of clusters.slice(0, 2)) {
        const change = { track, channel: 'canary', subject: { cluster }, reason: 'founded' };
        unwrap(await registry.assign(operator, change));
      }
    }
    await registry.close();
    await engine.close();
    isDone = true;
  };
  let failed: unknown;
  void work().catch((error: unknown) => {
    failed = error;
  });
  await world.run(world.nowMs + hourMs / 2, () => isDone || failed !== undefined);
  if (!isDone) throw new Error(`founding: ${String(failed)}`);
  coordinator.stop();
  return { image, receiptKey, pinKey, keys };
}

function put(image: CoordinatorImage) {
  return async (name: string, secret: Uint8Array) => void image.keys.set(name, Uint8Array.from(secret));
}

function add(image: CoordinatorImage) {
  return async (name: string, secret: Uint8Array) =>
    !image.keys.has(name) && image.keys.set(name, Uint8Array.from(secret)).has(name);
}

function enrolment(cluster: (typeof clusters)[number], key: SigningKeyPair, expiresAtMs: number): JournalEvent[] {
  const tokenId = `t-${cluster}`;
  return [
    { kind: 'tokenMinted', tokenId, cluster, secretDigest: digestOf(Buffer.from(cluster)), expiresAtMs, labels: {} },
    {
      kind: 'clusterEnrolled',
      cluster,
      tokenId,
      signingKey: Buffer.from(key.publicKey).toString('base64'),
      certificateSerial: cluster,
      certificateExpiresAtMs: expiresAtMs,
      labels: {},
    },
  ];
}
