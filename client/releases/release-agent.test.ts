import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type LoopbackFederation,
  loopbackFederationId,
  startLoopbackFederation,
} from '../../lab/testing/loopback-federation.ts';
import { addressOf, enrolled, ReleaseGround } from '../../lab/testing/release-ground.ts';
import { newSigningKeyPair, signingKeyPairOf } from '../../proto/envelope/crypto/keys.ts';
import { FetchFileResponse, InstallOutcome } from '../../proto/generated/testudo/v1/releases.ts';
import { parseFederationId, parseTrackId } from '../../proto/ids.ts';
import { specBytes } from '../../proto/model-spec.ts';
import { verifyInstallReport } from '../../proto/release/install-report.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';
import { copyOf } from '../storage/kept-twice.ts';
import { type AgentRig, type RigParts, tinySpec, tinyWeights } from './testing/agent-rig.ts';
import { LightFiles } from './testing/light-files.ts';
import { ReleasePress } from './testing/release-press.ts';
import type { TestReleases } from './testing/releases-server.ts';

const track = parseTrackId('syscall');

let ground: ReleaseGround;
let folder: string;
let loopback: LoopbackFederation;
let server: TestReleases;
let press: ReleasePress;
let identity: ClusterIdentity;

beforeEach(async () => {
  ground = await ReleaseGround.open(track);
  ({ folder, loopback, server, press, identity } = ground);
  for (const version of [1, 2, 3]) press.release(version, tinySpec, tinyWeights(version));
  press.point('stable', 1);
});

afterEach(() => ground.close());

/** An agent that runs version 1. */
async function running(over: Partial<RigParts> = {}): Promise<AgentRig> {
  server.push(press.set());
  const rig = (await ground.agent(over)).connect();
  await rig.until('installed');
  await rig.until('acknowledged');
  return rig;
}

type Stored = Readonly<{
  trust: { accepted: { timestamp: { version: number } } };
  tracks: Readonly<Record<string, Readonly<{ live: object; earlier: readonly object[] }>>>;
}>;

async function stored(): Promise<Stored> {
  return JSON.parse(await readFile(join(folder, 'agent/state.json'), 'utf8'));
}

function withLive(state: Stored, change: (live: object) => object): object {
  const of = state.tracks[track] ?? expect.fail('no such track');
  return { ...state, tracks: { [track]: { ...of, live: change(of.live) } } };
}

describe('release agent', () => {
  it('anchors at first contact, installs what its channel names and reports it, signed', async () => {
    const rig = await running();
    expect(await rig.until('anchored')).toEqual({ kind: 'anchored', rootVersion: 1, by: 'connection' });
    expect(rig.agent.liveVersion(track)).toBe(1);
    const { report } = await rig.until('acknowledged');
    const [sent] = server.acknowledged;
    expect(sent).toMatchObject({
      track,
      version: 1n,
      outcome: InstallOutcome.INSTALL_OUTCOME_INSTALLED,
      pinsVersion: 1,
    });
    expect(report).toMatchObject({ cluster: 'north', version: 1, outcome: 'installed', faultCode: '' });
    const { publicKey } = signingKeyPairOf(identity.signingSeed);
    expect(verifyInstallReport(report, sent?.signature ?? new Uint8Array(), publicKey).ok).toBe(true);
    expect(rig.agent.view()).toMatchObject({
      connected: true,
      rootVersion: 1,
      metadataExpired: false,
      tracks: { syscall: { live: { version: 1, because: { kind: 'channel', channel: 'stable' } }, lastFault: null } },
    });
  });

  it('follows a promotion, and a rollback without fetching anything again', async () => {
    const rig = await running();
    press.point('stable', 2);
    server.push(press.set());
    await rig.until('installed', ({ version }) => version === 2);
    const fetched = server.fetches.length;
    press.point('stable', 1);
    server.push(press.set());
    await rig.until('installed', ({ version, before }) => version === 1 && before === 2);
    expect(server.fetches.length).toBe(fetched);
    expect(rig.agent.view().tracks.syscall?.earlier).toEqual([2]);
  });

  it('obeys a pin at once, returns to its channel when the pin ends, and reports both', async () => {
    // It stands still until the pin is obeyed: on a busy machine one of three seconds had ended before it came.
    let nowMs = Date.now();
    const rig = await running({ nowMs: () => nowMs });
    press.pin(3, 'north', { untilMs: nowMs + 500 });
    server.push(press.set());
    await rig.until('installed', ({ version, because }) => version === 3 && because.kind === 'pin');
    expect(rig.agent.view().tracks.syscall?.pinnedUntil).not.toBeNull();
    nowMs += 500;
    // Nobody says a word: the pin's end alone brings the channel's version back.
    await rig.until('installed', ({ version, before }) => version === 1 && before === 3);
    expect(rig.agent.view().tracks.syscall?.pinnedUntil).toBeNull();
    await server.until(() => (server.acknowledged.length >= 3 ? true : undefined));
    expect(server.acknowledged.map(({ version }) => Number(version))).toEqual([1, 3, 1]);
  });

  it('says that it keeps what a new pin asks for, and nothing at the hourly signature', async () => {
    const rig = await running();
    server.push(press.set());
    server.push(press.set());
    press.pin(1, 'north');
    server.push(press.set());
    const { report } = await rig.until('acknowledged', (event) => event.report.outcome === 'kept');
    expect(report).toMatchObject({ version: 1, pinsVersion: 2 });
    expect(server.acknowledged.length).toBe(2);
  });

  it('runs a canary version in shadow, and makes it live when it is promoted', async () => {
    press.point('canary', 2, 'stable');
    press.assignments = [{ track, channel: 'canary', subject: { cluster: 'north' as never } }];
    const rig = await running();
    await rig.until('shadowing', ({ version, live }) => version === 2 && live === 1);
    expect(rig.agent.view().tracks.syscall).toMatchObject({ live: { version: 1 }, shadow: { version: 2 } });
    await rig.until('shadowReported');
    press.point('stable', 2);
    server.push(press.set());
    await rig.until('installed', ({ version }) => version === 2);
    await rig.until('shadowEnded', ({ version }) => version === 2);
    expect(rig.agent.view().tracks.syscall).toMatchObject({ live: { version: 2 }, shadow: null });
    expect(server.shadowReports[0]).toMatchObject({ track, version: 2n, liveVersion: 1n });
    // It is loaded already: nothing is fetched twice.
    const digests = server.fetches.map(({ digest }) => digest);
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('fetches of a release what its light form needs where nothing else runs, and comes back with it', async () => {
    const contents = { 'model.int8.onnx': 'a light form', 'provenance.json': '{}', 'antibodies.jsonl': 'antibodies' };
    const extra = Object.entries(contents).map(([name, text]) => [name, Buffer.from(text)] as const);
    press.release(4, tinySpec, tinyWeights(4), Object.fromEntries(extra));
    press.point('stable', 4);
    const over = { config: { lightAlone: true } };
    const rig = await running({ ...over, host: new LightFiles() });
    expect(rig.agent.liveVersion(track)).toBe(4);
    const fetched = server.fetches.map(({ digest }) => press.files.get(digest as never)?.toString('utf8'));
    expect(fetched).toHaveLength(4);
    expect(fetched[0]).toContain('weights.bin'); // The manifest, which names everything.
    expect(fetched.slice(1).sort()).toEqual(
      ['a light form', 'antibodies', Buffer.from(specBytes(tinySpec)).toString('utf8')].sort(),
    );
    await rig.agent.close();
    const again = await ground.agent({ ...over, host: new LightFiles() });
    expect(again.agent.liveVersion(track)).toBe(4);
    expect(server.fetches).toHaveLength(4);
  });

  it('comes back after a restart with the model it had, without a coordinator, and knows its floor', async () => {
    const first = await running();
    press.floor = 2;
    press.point('stable', 2);
    server.push(press.set());
    await first.until('installed', ({ version }) => version === 2);
    await first.agent.close();
    loopback.coordinator.stop();
    const second = await ground.agent();
    expect(second.agent.liveVersion(track)).toBe(2);
    expect(second.agent.view()).toMatchObject({ connected: false, tracks: { syscall: { floor: 2, earlier: [1] } } });
  });

  it('keeps its model and raises an alarm when the metadata expires, also when it was away for weeks', async () => {
    const first = await running();
    await first.agent.close();
    loopback.coordinator.stop();
    const weeksLater = Date.now() + 21 * 86_400_000;
    const second = await ground.agent({ nowMs: () => weeksLater });
    expect(second.agent.liveVersion(track)).toBe(1);
    expect(second.agent.view()).toMatchObject({ metadataExpired: true, lastFault: { code: 'METADATA_EXPIRED' } });
    expect(second.events).toContainEqual(
      expect.objectContaining({ kind: 'refused', fault: expect.objectContaining({ code: 'METADATA_EXPIRED' }) }),
    );
  });

  it('catches up after weeks: a chain of roots in messages of their own, then the set', async () => {
    const first = await running();
    await first.agent.close();
    const late = press.set();
    for (let count = 0; count < 5; count += 1) press.newRoot();
    press.point('stable', 3);
    const set = press.set();
    server.current = undefined;
    const second = (await ground.agent()).connect();
    const call = await server.until(() => [...server.subscribers].at(-1));
    expect(call.request.rootVersion).toBe(1);
    const nothing = {
      ...late,
      timestamp: Buffer.alloc(0),
      snapshot: Buffer.alloc(0),
      catalogue: Buffer.alloc(0),
      pins: Buffer.alloc(0),
    };
    call.write({ ...nothing, roots: press.roots.slice(1, 4) });
    call.write({ ...set, roots: press.roots.slice(4) });
    await second.until('installed', ({ version }) => version === 3);
    expect(second.agent.view().rootVersion).toBe(6);
  });

  it('repeats a report until it is journalled, also after a restart', async () => {
    server.refuseReports = { code: 'DRAINING', status: status.UNAVAILABLE };
    server.push(press.set());
    const first = (await ground.agent()).connect();
    await first.until('installed');
    await first.agent.close();
    expect(first.agent.view().reportsWaiting).toBe(1);
    server.refuseReports = undefined;
    const second = (await ground.agent()).connect();
    await second.until('acknowledged', ({ report }) => report.outcome === 'installed');
  });

  it('fetches the rest of a file whose transfer broke off', async () => {
    press.release(4, tinySpec, tinyWeights(4));
    press.point('stable', 4);
    server.chunkBytes = 1_000;
    let cuts = 0;
    server.fetchInstead = (call) => {
      const file = press.files.get(call.request.digest as never) as Buffer;
      const offset = Number(call.request.offset);
      const end = cuts < 3 ? Math.min(file.length, offset + 1_500) : file.length;
      cuts += end < file.length ? 1 : 0;
      const [sizeBytes, chunk] = [BigInt(file.length), file.subarray(offset, end)];
      call.write(FetchFileResponse.fromPartial({ offset: BigInt(offset), sizeBytes, chunk }));
      call.end();
    };
    server.push(press.set());
    const rig = (await ground.agent()).connect();
    await rig.until('installed', ({ version }) => version === 4);
    expect(server.fetches.map(({ offset }) => Number(offset))).toEqual(expect.arrayContaining([0, 1_500, 3_000]));
  });

  it('trusts an anchor that came by hand, and no other root', async () => {
    const other = new ReleasePress(loopbackFederationId, track);
    server.push(press.set());
    const rig = (await ground.agent({ config: { trustAnchor: other.roots[0] as Buffer } })).connect();
    const { fault } = await rig.until('refused');
    expect(fault.code).toMatch(/^METADATA_/);
    expect(rig.agent.liveVersion(track)).toBeUndefined();
  });

  it('refuses a first root of another federation, and one that is not the first', async () => {
    const other = new ReleasePress(parseFederationId('flock'), track);
    other.release(1, tinySpec, tinyWeights(1));
    other.point('stable', 1);
    server.push(other.set());
    const rig = (await ground.agent()).connect();
    await rig.until('refused', ({ fault }) => fault.code === 'METADATA_INVALID');
    press.newRoot();
    server.push({ ...press.set(), roots: press.roots.slice(1) });
    await rig.until('refused', ({ fault }) => fault.code === 'ROOT_SKIPPED');
    expect(rig.agent.view().rootVersion).toBeNull();
  });

  it('installs nothing under a state that was tampered with, its copy too, does not trust anew, and tells the coordinator why', async () => {
    const first = await running();
    await first.agent.close();
    const path = join(folder, 'agent/state.json');
    const state = await stored();
    for (const one of [path, copyOf(path)]) {
      await writeFile(one, JSON.stringify({ ...state, trust: { ...state.trust, root: '{}' } }));
    }
    press.point('stable', 2);
    server.push(press.set());
    const second = (await ground.agent()).connect();
    expect(second.agent.view().lastFault).toMatchObject({ code: 'TRUST_INVALID' });
    expect(second.agent.unusable).toEqual([expect.stringMatching(/^releases: TRUST_INVALID: .*root is not one/)]);
    expect(second.agent.isAnchored).toBe(true);
    const { report } = await second.until('acknowledged');
    expect(report).toMatchObject({ version: 1, outcome: 'refused', faultCode: 'TRUST_INVALID' });
    await second.agent.close();
    expect(second.agent.view()).toMatchObject({ rootVersion: null });
    expect(second.events.filter(({ kind }) => kind === 'installed' || kind === 'anchored')).toEqual([]);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ ...state, trust: { ...state.trust, root: '{}' } });
  });

  it.each<[string, (state: Stored) => object, string]>([
    ['of a release', (state) => withLive(state, (live) => ({ ...live, quorum: 2 })), 'tracks.syscall.live.quorum'],
    [
      'why it is live',
      (state) => withLive(state, (live) => ({ ...live, because: { kind: 'vote', of: 3 } })),
      'tracks.syscall.live.because.kind',
    ],
    [
      'what it is held to',
      (state) => withLive(state, (live) => ({ ...live, antibodyPins: [{ pinId: 'a', unless: 'b' }] })),
      'tracks.syscall.live.antibodyPins',
    ],
    ['of the whole', (state) => ({ ...state, peers: [] }), 'peers'],
    ['what it trusts', (state) => ({ ...state, trust: { ...state.trust, seals: 1 } }), 'stored trust: seals'],
  ])(
    'runs the models of a state that a newer build wrote (%s), installs nothing, names it and leaves the file',
    async (_, change, named) => {
      const first = await running();
      await first.agent.close();
      const path = join(folder, 'agent/state.json');
      const newer = JSON.stringify(change(await stored()));
      await writeFile(path, newer);
      press.point('stable', 2);
      server.push(press.set());
      const second = (await ground.agent()).connect();
      expect(second.agent.liveVersion(track)).toBe(1);
      const { report } = await second.until('acknowledged');
      expect(report).toMatchObject({ version: 1, outcome: 'refused', faultCode: 'TRUST_INVALID' });
      expect(second.agent.unusable).toEqual([expect.stringContaining(named)]);
      expect(second.agent.unusable).toEqual([expect.stringMatching(/start that one, or a newer/)]);
      await second.agent.close();
      expect(second.events.filter(({ kind }) => kind === 'installed')).toEqual([]);
      expect(await readFile(path, 'utf8')).toBe(newer);
    },
  );

  it('keeps the files of what runs and of the last releases, and removes the others', async () => {
    const rig = await running({ config: { keepReleases: 1 } });
    for (const version of [2, 3]) {
      press.point('stable', version);
      server.push(press.set());
      await rig.until('installed', (event) => event.version === version);
    }
    await rig.until('acknowledged', ({ report }) => report.version === 3);
    await rig.agent.close();
    // Two releases of a manifest and weights each, and the spec that they share.
    expect((await readdir(join(folder, 'agent/files'))).length).toBe(5);
    expect(rig.agent.view().tracks.syscall?.earlier).toEqual([2]);
  });

  it('says when a coordinator serves no releases, and asks again later', async () => {
    const older = await startLoopbackFederation();
    const member = await enrolled(older);
    const rig = await ground.agent({ identity: member, address: addressOf(older.coordinator.memberPort) });
    rig.connect();
    expect(await rig.until('unserved')).toMatchObject({ trusted: false });
    const before = rig.events.length;
    await rig.until('unserved', () => true, before);
    expect(rig.agent.isAnchored).toBe(false);
    older.coordinator.stop();
  });

  it('takes over a newer root even when the rest of the message is refused, and survives a stolen key', async () => {
    const rig = await running();
    const stolen = { release: press.releaseKeys, online: press.onlineKeys };
    press.onlineKeys = newSigningKeyPair();
    press.releaseKeys = newSigningKeyPair();
    press.newRoot();
    const thief = new ReleasePress(loopbackFederationId, track);
    thief.onlineKeys = stolen.online;
    thief.releaseKeys = stolen.release;
    server.push({ ...thief.set(), roots: press.roots });
    await rig.until('refused', ({ fault }) => fault.code === 'METADATA_UNDERSIGNED');
    await expect.poll(() => rig.agent.view().rootVersion).toBe(2);
    expect(rig.agent.liveVersion(track)).toBe(1);
    press.point('stable', 2);
    server.push(press.set());
    await rig.until('installed', ({ version }) => version === 2);
  });
});
