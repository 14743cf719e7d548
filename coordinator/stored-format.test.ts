/**
 * A data directory that the build of 4e41310 left is opened, goes on and comes out the same: testing/fixtures/README.md.
 * Its certificates and signatures end within days: every clock here is a simulated one that stands at the moment at
 * which the directory was left, or a year later, and nothing goes through TLS, which asks the machine's own.
 */
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { canonicalBytes } from '../base/canonical-json.ts';
import { unwrap } from '../base/fault.ts';
import { makeLog } from '../base/log.ts';
import { SimulatedTimers } from '../base/simulation/simulated-timers.ts';
import { digestOf } from '../proto/digest.ts';
import { checkHeader, verifyHeader } from '../proto/envelope/header.ts';
import type { ClusterId, Digest, RoundId, TrackId } from '../proto/ids.ts';
import { parseTrust, trustedRoot } from '../proto/release/trust.ts';
import { walkReleases } from '../proto/release/walk.ts';
import { verifyDataDir } from './backup.ts';
import { type CoordinatorConfig, readConfigFile } from './config/config.ts';
import { startCoordinator } from './coordinator.ts';
import { openCoordinatorKeys } from './keys/coordinator-keys.ts';
import { placeInFolder } from './keys/key-place.ts';
import { readMasterKey } from './keys/master-key.ts';
import { readCredentials } from './keys/operator-credentials.ts';
import { openSqliteJournal } from './ledger/journal/open-journal.ts';
import { foldEntry } from './ledger/state/fold.ts';
import { emptyState } from './ledger/state/mutable-state.ts';
import { writeSnapshot } from './ledger/state/snapshot.ts';
import { authenticate } from './members/authenticate.ts';
import { Registry } from './registry/registry.ts';
import { openEngine } from './rounds/open-engine.ts';
import { submit } from './testing/small-client.ts';
import { expected, expectedState, tracksOf, unpack, unpackHerd } from './testing/stored-federation.ts';
import { until } from './testing/wait.ts';

const syscall = 'syscall' as TrackId;
const ada = { kind: 'operator', name: 'ada', role: 'admin' } as const;
const dayMs = 86_400_000;

const north = fileURLToPath(new URL('../client/testing/fixtures/north-4e41310.tar.gz', import.meta.url));
const unpackNorth = () => unpack(north, 'north');

// What that build sealed opens at no other price: tools/testing/light-scrypt.mjs.
process.env.TESTUDO_WHOLE_SCRYPT = 'yes';

let folder: string;
let config: CoordinatorConfig;
let timers: SimulatedTimers;

beforeEach(() => {
  folder = unpackHerd();
  config = unwrap(readConfigFile(join(folder, 'coordinator.yaml'), { environment: {} }));
  timers = new SimulatedTimers(expected.madeAtMs);
});

async function openStored() {
  const { dataDirectory: dataDir, federation } = config;
  const masterKey = unwrap(await readMasterKey(config.masterKey, {}));
  const opened = unwrap(await openCoordinatorKeys(placeInFolder(dataDir), federation, masterKey, timers.now()));
  const engine = unwrap(await openEngine({ dataDir, federation, build: 'test', keyStore: opened.vault, timers }));
  onTestFinished(() => engine.close());
  return { ...opened, engine };
}

async function openRegistry({ engine, vault }: Awaited<ReturnType<typeof openStored>>): Promise<Registry> {
  const times = { timestampLifeMs: dayMs, timestampEveryMs: dayMs / 24, catalogueLifeMs: 7 * dayMs };
  const registry = unwrap(await Registry.open({ store: engine, vault, build: 'test', timers, times }));
  onTestFinished(() => registry.close());
  await registry.settled();
  return registry;
}

describe('a stored journal', () => {
  it('is sound entry by entry, and folds to the state of then', async () => {
    expect(unwrap(verifyDataDir(config.dataDirectory))).toEqual(expected.journal);
    const journal = unwrap(await openSqliteJournal(join(config.dataDirectory, 'journal.sqlite'), timers));
    const state = emptyState();
    for (const entry of unwrap(await journal.read(1, 100_000))) foldEntry(state, entry);
    await journal.close();
    expect(JSON.parse(await writeSnapshot(state))).toMatchObject(expectedState);
    expect(tracksOf(state)).toEqual(expected.tracks);
    const said = [...state.clusters.values()].map(({ cluster, status, revokedBecause }) => [
      cluster,
      revokedBecause === null ? status : `${status}: ${revokedBecause}`,
    ]);
    expect(Object.fromEntries(said)).toEqual(expected.clusters);
    const freezes = [...state.freezes.values()].map(({ tracks, setBy, reason }) => ({ tracks, setBy, reason }));
    expect(freezes).toEqual(expected.freezes);
  });

  it('opens as the state of then, with nothing due but the first entry of this run', async () => {
    const { engine } = await openStored();
    const { seq, ...rest } = expectedState;
    expect(JSON.parse(await writeSnapshot(engine.state()))).toMatchObject(rest);
    expect(unwrap(await engine.audit(seq + 1, 100)).map(({ event }) => event.kind)).toEqual(['coordinatorStarted']);
  });
});

describe('stored keys, blobs and credentials', () => {
  it('open: each key of the vault, the authority, each blob by its digest', async () => {
    const { vault, authority, receiptKey, engine } = await openStored();
    expect(authority.fingerprint).toBe(expected.authority);
    expect(Buffer.from(receiptKey.publicKey).toString('base64')).toBe(expected.receiptKey);
    const names = readdirSync(join(config.dataDirectory, 'keys'));
    const secrets = names.map(async (name) => [name, digestOf((await vault.get(name)) as Uint8Array)]);
    expect(Object.fromEntries(await Promise.all(secrets))).toEqual(expected.keys);
    const digests: string[] = [];
    for await (const digest of engine.blobs.list()) {
      unwrap(await engine.blobs.get(digest)); // Refuses bytes of another digest.
      digests.push(digest);
    }
    const all = digestOf(Buffer.from(digests.sort().join('\n')));
    expect({ count: digests.length, digest: all }).toEqual(expected.blobs);
  });

  it('let each operator in, as who they were', async () => {
    const { engine, authority } = await openStored();
    for (const [name, role] of Object.entries(expected.operators)) {
      const { certificateChain } = unwrap(await readCredentials(join(folder, `${name}.json`)));
      const [leaf, issuer] = certificateChain
        .split(/(?<=-----END CERTIFICATE-----\n)/)
        .map((pem) => new X509Certificate(pem)) as [X509Certificate, X509Certificate];
      expect(leaf.verify(issuer.publicKey)).toBe(true);
      expect(issuer.verify(new X509Certificate(authority.rootCertificate).publicKey)).toBe(true);
      const uri = String(leaf.subjectAltName).slice('URI:'.length);
      const peer = { uri, serial: leaf.serialNumber, expiresAtMs: Date.parse(leaf.validTo) };
      const caller = authenticate(peer, config.federation, engine.state(), timers.now());
      expect(unwrap(caller)).toMatchObject({ kind: 'operator', name, role });
    }
  });
});

describe('stored rounds', () => {
  it('give the recorded candidates again where their inputs are kept', async () => {
    const { engine } = await openStored();
    const replays: Record<string, unknown> = {};
    for (const { rounds } of engine.state().tracks.values()) {
      for (const { track, round, inputKeys } of rounds.values()) {
        if (inputKeys === null) continue;
        const { same, recomputed } = unwrap(await engine.replayRound(ada, { track, round, reason: 'test' }));
        expect(same).toBe(true);
        replays[`${track} ${round}`] = recomputed;
      }
    }
    expect(replays).toEqual(expected.replays);
  });

  it('go on where they were open, with the update that lies in a cluster’s outbox, to the same candidate', async () => {
    const { engine } = await openStored();
    const outbox = join(unpackNorth(), 'data', 'outbox', 'syscall', 'r-5');
    const update = JSON.parse(readFileSync(join(outbox, 'update.json'), 'utf8'));
    const header = unwrap(checkHeader(update.header));
    const key = engine.state().clusters.get('north' as ClusterId)?.signingKey ?? '';
    unwrap(verifyHeader(header, Buffer.from(update.signature, 'base64'), Buffer.from(key, 'base64')));
    unwrap(await submit(engine, { header, payload: readFileSync(join(outbox, 'sealed.bin')) }));
    const phase = await until(engine, () => {
      const round = engine
        .state()
        .tracks.get(syscall)
        ?.rounds.get('r-5' as RoundId);
      return round?.phase.kind === 'collecting' || round?.phase.kind === 'aggregating' ? undefined : round?.phase;
    });
    const { provenance: recordedThen, ...same } = expected.finished;
    expect(phase).toMatchObject({ kind: 'candidate', ...same });
    // Its record says what that build would have written, and where the updates stand to each other.
    const stored = unwrap(await engine.blobs.get((phase as { provenance: Digest }).provenance));
    const { map, updates, ...rest } = JSON.parse(Buffer.from(stored).toString('utf8'));
    expect(map.share).toBeGreaterThan(0);
    const withoutPlaces = { ...rest, updates: updates.map(({ place: _, ...update }: { place?: unknown }) => update) };
    expect(digestOf(canonicalBytes(withoutPlaces))).toBe(recordedThen);
  });
});

describe('stored releases', () => {
  it('are what each cluster should run: channels, pins, and what runs in shadow', async () => {
    const registry = await openRegistry(await openStored());
    expect(registry.pins()).toEqual(expected.pins);
    const runs = Object.keys(expected.tracks).map((track) => [
      track,
      Object.fromEntries(
        registry
          .resolved(track as TrackId)
          .map(({ cluster, after: live, shadowAfter: shadow, because }) => [cluster, { live, shadow, because }]),
      ),
    ]);
    expect(Object.fromEntries(runs)).toEqual(expected.runs);
  });

  it('are signed again so that an agent of then follows', async () => {
    const registry = await openRegistry(await openStored());
    const { timestamp, snapshot, catalogue, pins, roots } = registry.signedSet() ?? expect.fail('nothing was signed');
    const stored = JSON.parse(readFileSync(join(unpackNorth(), 'data', 'agent', 'state.json'), 'utf8'));
    const trust = unwrap(parseTrust(stored.trust));
    const received = {
      roots: roots.filter(({ version }) => version > trustedRoot(trust).version).map(({ body }) => body),
      timestamp: timestamp.body,
      snapshot: snapshot.body,
      catalogue: catalogue.body,
      pins: pins?.body ?? Buffer.alloc(0),
    };
    const proposal = unwrap(walkReleases(trust, received, timers.now()).result);
    expect(proposal?.pins).toEqual(expected.pins);
    expect(proposal?.catalogue.tracks).toMatchObject({
      syscall: { revoked: [2], channels: { canary: { version: 3 } } },
    });
    expect(proposal?.next.accepted?.catalogue?.version).toBeGreaterThan(stored.trust.accepted.catalogue.version);
  });
});

describe('a stored data directory', () => {
  it('starts a coordinator that shows what there was, and changes none of it by starting', async () => {
    const log = makeLog('silent');
    const coordinator = unwrap(await startCoordinator(config, { environment: {}, timers, log }));
    onTestFinished(() => coordinator.close());
    await coordinator.registry.settled();
    const { engine, registry } = coordinator;
    expect(tracksOf(engine.state())).toEqual(expected.tracks);
    for (const [track, { releases }] of Object.entries<{ releases: object[] }>(expected.tracks)) {
      expect(registry.releases(track as TrackId)?.toReversed()).toMatchObject(releases);
    }
    const added = unwrap(await engine.audit(expected.journal.seq + 1, 100));
    // The configuration declares its tracks: settings that only a later build knows join their policies by default.
    const kinds = added.map(({ event }) => event.kind).filter((kind) => kind !== 'policySet');
    expect(kinds).toEqual(['coordinatorStarted', 'releaseSetSigned']);
    await coordinator.close();
    expect(unwrap(verifyDataDir(config.dataDirectory)).seq).toBe(expected.journal.seq + added.length);
  });

  it('starts one a year later: rounds that were open end by name, releases stay, what expired is signed anew', async () => {
    timers = new SimulatedTimers(expected.madeAtMs + 366 * dayMs);
    const coordinator = unwrap(await startCoordinator(config, { environment: {}, timers, log: makeLog('silent') }));
    onTestFinished(() => coordinator.close());
    const { engine, registry } = coordinator;
    const now = await until(engine, () => {
      const { syscall, verbs } = tracksOf(engine.state());
      return [syscall?.rounds['r-5'], verbs?.rounds['r-4']].some((text) => text?.startsWith('collecting'))
        ? undefined
        : { syscall, verbs };
    });
    await registry.settled();
    const missed = 'abandoned: QUORUM_MISSED';
    expect(now.syscall?.rounds).toEqual({ ...expected.tracks.syscall.rounds, 'r-5': missed });
    expect(now.verbs?.rounds).toMatchObject({ ...expected.tracks.verbs.rounds, 'r-4': missed });
    expect(now.syscall?.releases).toEqual(expected.tracks.syscall.releases);
    expect(registry.signedSet()?.timestamp.expiresAtMs).toBeGreaterThan(timers.now());
  });
});
