import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Result, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { digestOf } from '../../proto/digest.ts';
import { newSigningKeyPair, type SigningKeyPair, signingKeyPairOf } from '../../proto/envelope/crypto/keys.ts';
import type { ClusterId } from '../../proto/ids.ts';
import type { Pin, Pins } from '../../proto/release/documents/catalogue.ts';
import { releaseFileNames } from '../../proto/release/documents/manifest.ts';
import type { ReleaseRoot } from '../../proto/release/documents/root.ts';
import { openRoot } from '../../proto/release/open.ts';
import { signPins, signRoot } from '../../proto/release/sign.ts';
import { anchorTrust, type ReleaseTrust } from '../../proto/release/trust.ts';
import { walkReleases } from '../../proto/release/walk.ts';
import { backUp } from '../backup.ts';
import { Vault } from '../keys/vault.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { MetadataRef } from '../ledger/state/releasing.ts';
import type { Track } from '../ledger/state/state.ts';
import type { Engine } from '../rounds/engine.ts';
import { takePart } from '../testing/small-client.ts';
import { clusters, federation, openSmallFederation, operator, policy, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd, until } from '../testing/wait.ts';
import { Registry, type RegistryParts } from './registry.ts';
import { ensureRoot } from './signing/founding.ts';
import { exportReleaseRootKey } from './signing/release-keys.ts';
import { SetSigner } from './signing/set-signer.ts';
import type { SignedPiece, SignedSet } from './signing/signed-set.ts';

const dayMs = 86_400_000;
const times = { timestampLifeMs: dayMs, timestampEveryMs: 3_600_000, catalogueLifeMs: 7 * dayMs };
const bob: Actor = { kind: 'operator', name: 'bob', role: 'admin' };
const reason = 'test';
const codeOf = (result: Result<unknown>) => (result.ok ? 'ok' : result.fault.code);

type House = Readonly<{
  engine: Engine;
  registry: Registry;
  vault: Vault;
  dataDir: string;
  close(): Promise<void>;
}>;

/** A real engine with a registry on real files. */
async function open(
  dataDir = tempDir(),
  more: Partial<RegistryParts> & Readonly<{ pin?: SigningKeyPair; releasesKept?: number }> = {},
): Promise<House> {
  const vault = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
  const { pin, releasesKept, ...parts } = more;
  const engine = await openSmallFederation(dataDir, { keyStore: vault, policy: { ...policy, releasesKept } });
  if (pin !== undefined) unwrap(await ensureRoot({ store: engine, vault, nowMs: Date.now() }, operator, pin));
  const registry = unwrap(
    await Registry.open({ store: engine, vault, build: 'test', times, timers: systemTimers, ...parts }),
  );
  await registry.settled();
  const close = async () => {
    await registry.close();
    await engine.close();
  };
  onTestFinished(close);
  return { engine, registry, vault, dataDir, close };
}

/** Rounds of all clusters; resolves when the last candidate's release is signed. */
async function candidates({ engine, registry }: House, count: number): Promise<void> {
  const leave = clusters.map((cluster) => takePart(engine, cluster, () => {}));
  for (let made = 0; made < count; made += 1) {
    await roundEnd(engine, unwrap(await engine.openRound(operator, { track, reason })).value);
    const version = (engine.state().tracks.get(track) as Track).models.length - 1;
    await until(engine, () => registry.release(track, version));
    await registry.settled();
  }
  for (const one of leave) one();
}

function pinOf(pinId: string, version: number, more: Partial<Pin> = {}): Pin {
  const subject = { cluster: clusters[0] as ClusterId };
  return { pinId, track, subject, version, untilMs: null, belowFloor: false, reason, setBy: 'ada', ...more };
}

function pinsBytes(version: number, pins: readonly Pin[], keys: readonly SigningKeyPair[], lifeMs = dayMs): Buffer {
  const content: Pins = { version, expiresAtMs: Math.floor((Date.now() + lifeMs) / 1000) * 1000, pins };
  return signPins(content, federation, keys);
}

function rootOf({ registry }: House): ReleaseRoot {
  return unwrap(openRoot(registry.signedSet()?.roots.at(-1)?.body as Uint8Array));
}

describe('pins', () => {
  it('come from operators alone: signed by the threshold, for a version that may run', async () => {
    const [first, second] = [newSigningKeyPair(), newSigningKeyPair()];
    const house = await open(undefined, { pin: first });
    const { registry } = house;
    await candidates(house, 2);
    expect(registry.releasing(track)).toMatchObject({ floor: 1, channels: { stable: { version: 2 } } });
    const propose = (bytes: Uint8Array, dryRun = false) =>
      registry.proposePins(operator, { pins: bytes, reason, dryRun });

    expect(codeOf(await propose(pinsBytes(2, [pinOf('p', 1)], [second])))).toBe('PINS_UNSIGNED');
    expect(codeOf(await propose(pinsBytes(3, [pinOf('p', 1)], [first])))).toBe('PINS_STALE');
    expect(codeOf(await propose(pinsBytes(2, [], [first], 1_000)))).toBe('PINS_INVALID');
    expect(codeOf(await propose(randomBytes(100)))).toBe('PINS_INVALID');
    const illegal = await propose(pinsBytes(2, [pinOf('p', 9)], [first]));
    expect(illegal).toMatchObject({ fault: { code: 'PIN_ILLEGAL', fields: { nearest: 2 } } });
    const below = await propose(pinsBytes(2, [pinOf('p', 0)], [first]));
    expect(below).toMatchObject({ fault: { code: 'PIN_ILLEGAL', fields: { nearest: 1 } } });

    const antibody = digestOf(Buffer.from('no antibody that the track ever had'));
    const held = {
      pinId: 'a',
      track,
      subject: null,
      antibody,
      bytes: 5,
      inUse: true,
      untilMs: null,
      reason,
      setBy: 'ada',
    };
    for (const [antibodies, code] of [
      [[held], 'PIN_ILLEGAL'],
      [[{ ...held, inUse: false, untilMs: 1 }], 'PIN_ILLEGAL'],
      [[{ ...held, pinId: 'p' }], 'PINS_INVALID'],
    ] as const) {
      const expiresAtMs = Math.floor(Date.now() / 1000) * 1000 + dayMs;
      const content = { version: 2, expiresAtMs, pins: [pinOf('p', 1)], antibodies };
      expect(codeOf(await propose(signPins(content, federation, [first])))).toBe(code);
    }

    const exception = pinsBytes(2, [pinOf('p', 0, { belowFloor: true })], [first]);
    const tried = unwrap(await propose(exception, true));
    expect(tried).toMatchObject({ sequence: 0, effects: [{ cluster: clusters[0], before: 2, after: 0 }] });
    expect(registry.pins()?.pins).toEqual([]);
    expect(unwrap(await propose(exception))).toMatchObject({ pending: false, effects: tried.effects });
    expect(registry.pins()?.pins).toMatchObject([{ pinId: 'p', version: 0, belowFloor: true }]);
    expect(registry.resolved(track)[0]).toMatchObject({ after: 0, because: `pin p for ${clusters[0]}` });
    expect(registry.signedSet()?.pins?.body.byteLength).toBe(exception.byteLength);

    // A pin that was made when it was legal stays; its version is revoked all the same, and it is passed over.
    unwrap(await registry.revoke(operator, { track, version: 0, reason }));
    expect(registry.resolved(track)[0]).toMatchObject({
      after: 2,
      because: expect.stringContaining('VERSION_REVOKED'),
    });
    const another = pinsBytes(3, [pinOf('p', 0, { belowFloor: true }), pinOf('q', 1)], [first]);
    expect(unwrap(await propose(another)).effects).toMatchObject([{ cluster: clusters[0], before: 2, after: 1 }]);
    expect(codeOf(await propose(pinsBytes(4, [pinOf('r', 0, { belowFloor: true })], [first])))).toBe('PIN_ILLEGAL');
  });

  it('and a root that names others for them are never both taken, however close together they come', async () => {
    const [first, other] = [newSigningKeyPair(), newSigningKeyPair()];
    const house = await open(undefined, { pin: first });
    const { registry, vault } = house;
    await candidates(house, 1);
    const rootKey = signingKeyPairOf((await vault.get('release-root-key')) as Uint8Array);
    const root = rootOf(house);
    const pins = { publicKeys: [other.publicKey], threshold: 1 };
    const next: ReleaseRoot = { ...root, version: 2, roles: { ...root.roles, pins } };
    const rotation = { root: signRoot(next, [rootKey]), pins: pinsBytes(2, [], [other]), reason };
    const proposal = { pins: pinsBytes(2, [pinOf('p', 0)], [first]), reason };
    const asked = [registry.publishRoot(operator, rotation), registry.proposePins(operator, proposal)];
    expect((await Promise.all(asked)).filter(({ ok }) => ok)).toHaveLength(1);
  });

  it('wait for a second signature where root asks for two, and start again when the document changes', async () => {
    const [first, second] = [newSigningKeyPair(), newSigningKeyPair()];
    const house = await open(undefined, { pin: first });
    const { registry, vault } = house;
    await candidates(house, 1);
    const rootKey = signingKeyPairOf((await vault.get('release-root-key')) as Uint8Array);
    const root = rootOf(house);
    const two: ReleaseRoot = {
      ...root,
      version: 2,
      roles: { ...root.roles, pins: { publicKeys: [first.publicKey, second.publicKey], threshold: 2 } },
    };
    const bytes = signRoot(two, [rootKey]);
    expect(codeOf(await registry.publishRoot(operator, { root: bytes, reason }))).toBe('PINS_UNSIGNED');
    const pins = pinsBytes(2, [], [first, second]);
    unwrap(await registry.publishRoot(operator, { root: bytes, pins, reason }));
    expect(registry.signedSet()).toMatchObject({ roots: [{ version: 1 }, { version: 2 }], pins: { version: 2 } });

    const propose = (document: Uint8Array, actor = operator) => registry.proposePins(actor, { pins: document, reason });
    const content = { version: 3, expiresAtMs: Math.floor(Date.now() / 1000) * 1000 + dayMs, pins: [pinOf('p', 0)] };
    const byFirst = signPins(content, federation, [first]);
    expect(unwrap(await propose(byFirst))).toMatchObject({ pending: true, signers: [expect.any(String)] });
    expect(registry.pins()?.pins).toEqual([]);
    const other = signPins({ ...content, pins: [pinOf('x', 1)] }, federation, [second]);
    expect(unwrap(await propose(other, bob))).toMatchObject({ pending: true, signers: [expect.any(String)] });
    unwrap(await propose(byFirst));
    expect((await registry.pendingPins())?.pins.pins).toMatchObject([{ pinId: 'p' }]);
    const bySecond = signPins(content, federation, [second]);
    expect(unwrap(await propose(bySecond, bob))).toMatchObject({ pending: false });
    expect(registry.pins()?.pins).toMatchObject([{ pinId: 'p', version: 0 }]);
    expect(await registry.pendingPins()).toBeNull();
  });
});

describe('keys', () => {
  it('rotate by a root that names the prepared ones, with the root key offline and over a restart', async () => {
    const house = await open();
    const { registry, vault, dataDir } = house;
    const keyFile = join(dataDir, 'root.pem');
    const rootKey = signingKeyPairOf((await vault.get('release-root-key')) as Uint8Array);
    unwrap(await exportReleaseRootKey(vault, keyFile));
    expect(readFileSync(keyFile, 'utf8')).toContain('BEGIN PRIVATE KEY');
    expect(codeOf(await exportReleaseRootKey(vault, join(dataDir, 'again.pem')))).toBe('ROOT_KEY_ABSENT');
    await candidates(house, 1); // The coordinator works without it.

    const next = unwrap(await registry.prepareKeys());
    expect(unwrap(await registry.prepareKeys())).toEqual(next);
    const root = rootOf(house);
    const single = (publicKey: Uint8Array) => ({ publicKeys: [publicKey], threshold: 1 });
    const rotated: ReleaseRoot = {
      ...root,
      version: 2,
      roles: {
        ...root.roles,
        targets: single(next.release),
        snapshot: single(next.snapshot),
        timestamp: single(next.timestamp),
      },
    };
    const publish = (of: ReleaseRoot, keys: readonly SigningKeyPair[]) =>
      registry.publishRoot(operator, { root: signRoot(of, keys), reason });
    expect(codeOf(await publish(rotated, [newSigningKeyPair()]))).toBe('ROOT_INVALID');
    expect(codeOf(await publish({ ...rotated, version: 3 }, [rootKey]))).toBe('ROOT_INVALID');
    const foreign = { ...rotated, roles: { ...rotated.roles, targets: single(newSigningKeyPair().publicKey) } };
    expect(codeOf(await publish(foreign, [rootKey]))).toBe('ROOT_KEY_UNKNOWN');
    unwrap(await publish(rotated, [rootKey]));
    expect(registry.trouble()).toBeUndefined();
    const before = registry.signedSet();
    await house.close();

    const again = await open(dataDir);
    expect(again.registry.signedSet()?.roots).toHaveLength(2);
    await candidates(again, 1);
    expect(again.registry.trouble()).toBeUndefined();
    expect(again.registry.signedSet()?.catalogue.version).toBeGreaterThan(before?.catalogue.version ?? 0);
    expect(await vault.get('release-key.next')).toBeUndefined();
  });

  it('are made for a data directory of an earlier version, whose models all become releases', async () => {
    const dataDir = tempDir();
    const vault = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
    const engine = await openSmallFederation(dataDir, { keyStore: vault });
    const leave = clusters.map((cluster) => takePart(engine, cluster, () => {}));
    await roundEnd(engine, unwrap(await engine.openRound(operator, { track, reason })).value);
    for (const one of leave) one();
    await engine.close();
    const { registry } = await open(dataDir);
    expect(registry.releases(track)?.map(({ version }) => version)).toEqual([1, 0]);
    expect(registry.releasing(track)).toMatchObject({ floor: 0, channels: { stable: { version: 1 } } });
  });

  it('that are gone are said to be gone, and nothing is signed', async () => {
    const dataDir = tempDir();
    const house = await open(dataDir);
    await house.close();
    const vault = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
    await vault.destroy('release-key');
    const codes: string[] = [];
    const again = await open(dataDir, { trouble: (code) => codes.push(code) });
    expect(again.registry.signedSet()).toBeUndefined(); // What an earlier run signed is not served.
    expect(codes).toContain('RELEASE_KEY_ABSENT');
    expect(again.registry.trouble()).toMatchObject({ code: 'RELEASE_KEY_ABSENT' });

    const { release } = unwrap(await again.registry.prepareKeys());
    const current = again.engine.state().metadata.roots.at(-1) as MetadataRef;
    const root = unwrap(openRoot(unwrap(await again.engine.blobs.get(current.digest))));
    const next = { ...root, version: 2, roles: { ...root.roles, targets: { publicKeys: [release], threshold: 1 } } };
    const rootKey = signingKeyPairOf((await vault.get('release-root-key')) as Uint8Array);
    unwrap(await again.registry.publishRoot(operator, { root: signRoot(next, [rootKey]), reason }));
    expect(again.registry.trouble()).toBeUndefined();
    expect(again.registry.signedSet()?.roots).toHaveLength(2);
  });
});

/** An agent as far as trust goes: walks every set that it is given, and must accept each. */
class Walker {
  #trust: ReleaseTrust | undefined;

  take({ roots, timestamp, snapshot, catalogue, pins }: SignedSet, nowMs: number): void {
    this.#trust ??= unwrap(anchorTrust((roots[0] as SignedPiece).body));
    const received = {
      roots: roots.slice(1).map(({ body }) => body),
      timestamp: timestamp.body,
      snapshot: snapshot.body,
      catalogue: catalogue.body,
      pins: pins?.body ?? new Uint8Array(0),
    };
    const { rooted, result } = walkReleases(this.#trust, received, nowMs);
    this.#trust = unwrap(result)?.next ?? rooted;
  }
}

describe('every set that is ever served', () => {
  /** Hands each to an agent at once: what is served after the start, then each newer one. */
  function follow({ registry }: House, agent: Walker, nowMs: () => number): number {
    const first = registry.signedSet();
    if (first !== undefined) agent.take(first, nowMs());
    registry.follow((set) => agent.take(set, nowMs()));
    return first?.roots.length ?? 0;
  }

  it('is accepted across a root that was published while the coordinator was stopped', async () => {
    const agent = new Walker();
    const house = await open();
    follow(house, agent, Date.now);
    await candidates(house, 1);
    await house.close();
    // As `testudo coordinator init` does in a folder that is there already: root 2 with the first pins.
    const again = await open(house.dataDir, { pin: newSigningKeyPair() });
    expect(follow(again, agent, Date.now)).toBe(2);
    expect(again.registry.signedSet()?.pins?.version).toBe(1);
    await candidates(again, 1);
  });

  it('is accepted from a coordinator that goes on from a backup: at once, not from its first change on', async () => {
    let nowMs = Date.now();
    const timers = { ...systemTimers, now: () => nowMs };
    const agent = new Walker();
    const house = await open(undefined, { timers });
    follow(house, agent, timers.now);
    const backup = tempDir();
    mkdirSync(join(house.dataDir, 'identity')); // What founding makes, and no engine alone.
    unwrap(await backUp(house.dataDir, backup));
    for (const channel of ['one', 'two', 'three']) {
      unwrap(await house.registry.setChannel(operator, { track, channel, version: 0, reason }));
    }
    const lost = house.registry.signedSet();
    await house.close();
    nowMs += 60_000; // Nobody restores a backup in the second in which the coordinator was lost.
    const restored = await open(backup, { timers });
    follow(restored, agent, timers.now);
    const set = restored.registry.signedSet();
    for (const role of ['timestamp', 'snapshot', 'catalogue'] as const) {
      expect([role, (set?.[role].version ?? 0) > (lost?.[role].version ?? 0)]).toEqual([role, true]);
    }
    await candidates(restored, 1);
  });
});

describe('signatures', () => {
  it('are made at every start, and renewed in time: the timestamp alone, then all', async () => {
    let nowMs = Date.now();
    const house = await open(undefined, { timers: { ...systemTimers, now: () => nowMs } });
    const { engine, vault, registry } = house;
    const first = registry.signedSet();
    await registry.close(); // From here on only this signer signs.
    const signer = new SetSigner({ store: engine, vault, times });
    expect([signer.served, signer.due(nowMs)]).toEqual([undefined, 'set']);
    const second = unwrap(await signer.sign(nowMs));
    expect(second.catalogue.version).toBeGreaterThan(first?.catalogue.version ?? 0);
    expect(signer.due(nowMs)).toBeNull();
    nowMs += times.timestampEveryMs;
    expect(signer.due(nowMs)).toBe('timestamp');
    const third = unwrap(await signer.sign(nowMs));
    expect([third.catalogue.digest, third.snapshot.digest]).toEqual([second.catalogue.digest, second.snapshot.digest]);
    expect(third.timestamp.expiresAtMs).toBe(second.timestamp.expiresAtMs + times.timestampEveryMs);
    nowMs += times.catalogueLifeMs / 2;
    expect(signer.due(nowMs)).toBe('set');
    const fourth = unwrap(await signer.sign(nowMs));
    expect(fourth.catalogue.version).toBeGreaterThan(third.catalogue.version);
    expect(fourth.snapshot.version).toBeGreaterThan(third.snapshot.version);
  });

  it('of people are warned of ahead of their end, and last as long as was configured', async () => {
    const warnings: string[] = [];
    const house = await open(undefined, {
      lifetimes: { rootMs: 20 * dayMs, pinsMs: 40 * dayMs },
      warnWithinMs: 30 * dayMs,
      trouble: (code) => warnings.push(code),
    });
    expect(warnings).toEqual(['ROOT_EXPIRES']);
    expect(rootOf(house).expiresAtMs).toBeLessThanOrEqual(Date.now() + 20 * dayMs);
    unwrap(await house.registry.setChannel(operator, { track, channel: 'slow', version: 0, reason }));
    expect(warnings).toEqual(['ROOT_EXPIRES']);
  });

  it('are made by a timer', async () => {
    const house = await open(undefined, { times: { ...times, timestampEveryMs: 50 } });
    const versions = new Set<number>();
    await new Promise<void>((resolve) => {
      const unfollow = house.registry.follow(({ timestamp }) => {
        versions.add(timestamp.version);
        if (versions.size < 3) return;
        unfollow();
        resolve();
      });
    });
    expect(versions.size).toBe(3);
  });
});

describe('a release as one file', () => {
  async function exported({ registry }: House, version: number): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of unwrap(registry.exportRelease(track, version))) pieces.push(piece);
    return Buffer.concat(pieces);
  }
  async function* inPieces(bytes: Uint8Array, size = 1_000) {
    for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
  }

  it('is refused for the moment in which it is a release and not yet in what is signed', async () => {
    const house = await open();
    const { registry, engine } = house;
    const asked = until(engine, () => registry.release(track, 1) && codeOf(registry.exportRelease(track, 1)));
    await candidates(house, 1);
    expect(await asked).toBe('METADATA_UNREADY');
    expect(codeOf(registry.exportRelease(track, 1))).toBe('ok');
  });

  it('brings back what retention has removed, and nothing that was changed on the way', async () => {
    const house = await open(undefined, { releasesKept: 1 });
    const { registry, engine } = house;
    await candidates(house, 1);
    const file = await exported(house, 0);
    const give = (bytes: Uint8Array, dryRun = false) =>
      registry.importRelease(operator, { file: inPieces(bytes), reason, dryRun });
    expect(codeOf(await give(file))).toBe('NOTHING_TO_CHANGE');
    await candidates(house, 2);
    expect(registry.releases(track)?.map(({ version, retired }) => [version, retired])).toEqual([
      [3, false],
      [2, false],
      [1, true],
      [0, true],
    ]);
    const weights = registry.release(track, 0)?.manifest.files.find(({ name }) => name === releaseFileNames.weights);
    const digest = weights?.digest as NonNullable<typeof weights>['digest'];
    expect(await engine.blobs.has(digest)).toBe(false);
    expect(registry.servedBytes(digest)).toBeUndefined();
    expect(codeOf(registry.exportRelease(track, 0))).toBe('VERSION_RETIRED');

    expect(codeOf(await give(file, true))).toBe('ok');
    expect(await engine.blobs.has(digest)).toBe(false);
    expect(codeOf(await give(file.subarray(0, -1)))).toBe('IMPORT_INVALID');
    expect(codeOf(await give(Buffer.concat([file, Buffer.from('\u0001x')])))).toBe('IMPORT_INVALID');
    for (let at = 0; at < file.byteLength; at += 97) {
      const flipped = Buffer.from(file);
      flipped[at] = (flipped[at] as number) ^ 1;
      const result = await give(flipped, at % 2 === 0);
      expect([at, result.ok && !flippedRootIsOld(at)]).toEqual([at, false]);
    }
    expect(codeOf(await give(file))).toBe('ok');
    expect(await engine.blobs.has(digest)).toBe(true);

    /** The roots in the file are no newer than our own: they are passed over, whatever they say. */
    function flippedRootIsOld(at: number): boolean {
      const roots = registry.signedSet()?.roots.reduce((sum, { bytes }) => sum + bytes + 21, 0) ?? 0;
      return at >= 8 + 21 && at < 8 + roots;
    }
  });

  it('is refused from another federation’s keys, unless an operator vouches for its root', async () => {
    const theirs = await open();
    await candidates(theirs, 1);
    const file = await exported(theirs, 1);
    const ours = await open();
    const give = (more: Readonly<{ trustedRoot?: Uint8Array }> = {}) =>
      ours.registry.importRelease(operator, { file: inPieces(file), reason, ...more });
    expect(codeOf(await give())).toBe('IMPORT_UNTRUSTED');
    const trustedRoot = theirs.registry.signedSet()?.roots[0]?.body as Uint8Array;
    expect(unwrap(await give({ trustedRoot }))).toMatchObject({ track, version: 1 });
    const known = ours.engine.state().tracks.get(track);
    expect(known).toMatchObject({ headVersion: 1, models: [{ version: 0 }, { version: 1 }] });
    expect(known?.models[1]?.digest).toBe(theirs.engine.state().tracks.get(track)?.models[1]?.digest);
    await candidates(ours, 1); // The next round starts from it.
    expect(ours.registry.release(track, 2)?.manifest.base?.version).toBe(1);
  });
});

describe('a release', () => {
  it('holds the light form that was brought along, or none where making it fails', async () => {
    const codes: string[] = [];
    const lightForm = async (_spec: unknown, weights: Uint8Array) => {
      if (codes.length === 0 && weights.byteLength === 1200) return Buffer.from(`light ${weights[0]}`);
      throw new Error('no such architecture');
    };
    const house = await open(undefined, { lightForm, trouble: (code) => codes.push(code) });
    const names = (version: number) => house.registry.release(track, version)?.manifest.files.map(({ name }) => name);
    expect(names(0)).toEqual([releaseFileNames.light, releaseFileNames.spec, releaseFileNames.weights]);
    codes.push('now it fails');
    await candidates(house, 1);
    expect(names(1)).not.toContain(releaseFileNames.light);
    expect(codes).toContain('LIGHT_FORM_FAILED');
  });

  it('changes only with a reason', async () => {
    const { registry } = await open();
    for (const empty of ['', ' ', 'x'.repeat(501)]) {
      expect(codeOf(await registry.revoke(operator, { track, version: 0, reason: empty }))).toBe('REASON_INVALID');
    }
  });
});
