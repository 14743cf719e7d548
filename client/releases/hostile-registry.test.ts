import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReleaseGround } from '../../lab/testing/release-ground.ts';
import { newSigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import {
  ChunkEncoding,
  FetchFileResponse,
  InstallOutcome,
  type SubscribeResponse,
} from '../../proto/generated/testudo/v1/releases.ts';
import { parseTrackId } from '../../proto/ids.ts';
import { StoredModels } from './hosts/stored-models.ts';
import { type AgentRig, quickTimes, tinySpec, tinyWeights } from './testing/agent-rig.ts';
import type { ReleasePress } from './testing/release-press.ts';
import type { TestReleases } from './testing/releases-server.ts';

const track = parseTrackId('syscall');

let ground: ReleaseGround;
let folder: string;
let server: TestReleases;
let press: ReleasePress;
let rig: AgentRig;
let host: StoredModels;
/** What the hostile registry serves instead of a file. */
let altered: Map<string, Buffer>;
/** The set under which version 1 was installed. */
let first: SubscribeResponse;

beforeEach(async () => {
  ground = await ReleaseGround.open(track);
  ({ folder, server, press } = ground);
  altered = new Map();
  server.fileOf = (digest) => altered.get(digest) ?? press.files.get(digest as never);
  for (const version of [1, 2]) press.release(version, tinySpec, tinyWeights(version));
  press.point('stable', 1);
  host = new StoredModels();
  const times = { ...quickTimes, firstMsMax: 1_500, stallMs: 200, bytesPerSecondMin: 100_000 };
  rig = await ground.agent({ host, config: { times } });
  first = press.set();
  server.push(first);
  rig.connect();
  // On a machine that has more to do the first attempts may take too long: they are refused, and made again.
  await rig.until('acknowledged', ({ report }) => report.outcome === 'installed');
});

afterEach(() => ground.close());

/** Refused with this code, acknowledged with it, and nothing that runs was touched. */
async function refusedWith(code: string, version = 1): Promise<void> {
  const state = await readFile(join(folder, 'agent/state.json'), 'utf8');
  const { fault } = await rig.until('refused', (event) => event.fault.code === code);
  expect(fault.message.length).toBeGreaterThan(10);
  const said = await server.until(() => server.acknowledged.find(({ faultCode }) => faultCode === code));
  expect(said).toMatchObject({ track, version: BigInt(version), outcome: InstallOutcome.INSTALL_OUTCOME_REFUSED });
  expect(rig.agent.liveVersion(track)).toBe(1);
  expect(host.live).toContain('1/');
  expect(JSON.parse(state).tracks.syscall.live.target.version).toBe(1);
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}

function weightsDigestOf(version: number): string {
  const { manifest } = press.releases.find((one) => one.version === version) as (typeof press.releases)[0];
  const { files } = JSON.parse(String(press.files.get(manifest.digest)));
  return files.find(({ name }: { name: string }) => name === 'weights.bin').digest;
}

async function recovers(): Promise<void> {
  altered.clear();
  server.fetchInstead = undefined;
  server.subscribeInstead = undefined;
  press.point('stable', 2);
  server.push(press.set());
  await rig.until('installed', ({ version }) => version === 2);
}

describe('a hostile registry', () => {
  it('cannot pass off a file with one flipped byte', async () => {
    const digest = weightsDigestOf(2);
    altered.set(digest, flipped(press.files.get(digest as never) as Buffer, 2_000));
    press.point('stable', 2);
    server.push(press.set());
    await refusedWith('FILE_DIGEST', 2);
    expect((await readdir(join(folder, 'agent/files'))).some((name) => name === digest.slice(7))).toBe(false);
    await recovers();
  });

  it('cannot pass off a manifest with one flipped byte', async () => {
    const { manifest } = press.releases[1] as (typeof press.releases)[0];
    altered.set(manifest.digest, flipped(press.files.get(manifest.digest) as Buffer, 100));
    press.point('stable', 2);
    server.push(press.set());
    await refusedWith('FILE_DIGEST', 2);
    await recovers();
  });

  it.each(['timestamp', 'snapshot', 'catalogue', 'pins'] as const)('cannot flip a byte of the %s', async (piece) => {
    press.point('stable', 2);
    const set = press.set();
    server.push({ ...set, [piece]: flipped(Buffer.from(set[piece]), set[piece].length >> 1) });
    const { fault } = await rig.until('refused');
    await refusedWith(fault.code);
    expect(fault.code).toMatch(/^METADATA_(INVALID|UNDERSIGNED|MISMATCHED)$/);
    await recovers();
  });

  it('cannot replay an older set', async () => {
    press.point('stable', 1);
    server.push(press.set());
    await rig.until('persisted', () => true, rig.events.length - 1);
    server.push(first);
    await refusedWith('METADATA_ROLLED_BACK');
    await recovers();
  });

  it('cannot serve pieces of two eras together', async () => {
    press.point('stable', 2);
    const second = press.set();
    press.point('stable', 1);
    const third = press.set();
    server.push({ ...third, catalogue: second.catalogue });
    await refusedWith('METADATA_MISMATCHED');
    await recovers();
  });

  it('cannot sign with keys of its own', async () => {
    press.point('stable', 2);
    server.push(press.set({ releaseKeys: newSigningKeyPair() }));
    await refusedWith('METADATA_UNDERSIGNED');
    await recovers();
  });

  it('cannot make it install under metadata that has expired', async () => {
    press.point('stable', 2);
    server.push(press.set({ lifetimeMs: -1_000 }));
    await refusedWith('METADATA_EXPIRED');
    await recovers();
  });

  it('cannot run out the disk with a file that does not end', async () => {
    press.point('stable', 2);
    server.fetchInstead = (call) => {
      let offset = Number(call.request.offset);
      const chunk = Buffer.alloc(1_000);
      const more = setInterval(() => {
        call.write(FetchFileResponse.fromPartial({ offset: BigInt(offset), sizeBytes: 1n << 40n, chunk }));
        offset += chunk.length;
      }, 1);
      call.on('cancelled', () => clearInterval(more));
    };
    server.push(press.set());
    await refusedWith('FILE_CHUNK_OUT_OF_PLACE', 2);
    for (const name of await readdir(join(folder, 'agent/files'))) {
      expect((await readFile(join(folder, 'agent/files', name))).length).toBeLessThanOrEqual(4_000);
    }
    await recovers();
  });

  it.each([
    ['CHUNK_LENGTH_WRONG', ChunkEncoding.CHUNK_ENCODING_ZSTD, zstdCompressSync(Buffer.alloc(2_000))],
    ['CHUNK_UNREADABLE', ChunkEncoding.CHUNK_ENCODING_ZSTD, Buffer.from('no frame')],
    ['CHUNK_ENCODING_UNKNOWN', 99 as ChunkEncoding, Buffer.from('of a newer kind')],
  ])('cannot make it unpack what is no chunk: %s', async (code, encoding, chunk) => {
    press.point('stable', 2);
    server.fetchInstead = (call) => {
      const { offset, digest } = call.request;
      const sizeBytes = BigInt((press.files.get(digest as never) as Buffer).length);
      call.write({ offset, sizeBytes, chunk, encoding, unpackedBytes: 1_000 });
    };
    server.push(press.set());
    await refusedWith(code, 2);
    await recovers();
  });

  it('cannot hold it up with a stream that stands still, or sends nothing in many pieces', async () => {
    press.point('stable', 2);
    server.fetchInstead = (call) => {
      const { length } = press.files.get(call.request.digest as never) as Buffer;
      const empty = FetchFileResponse.fromPartial({ offset: call.request.offset, sizeBytes: BigInt(length) });
      const drip = setInterval(() => call.write(empty), 20);
      call.on('cancelled', () => clearInterval(drip));
    };
    server.push(press.set());
    await refusedWith('FILE_STALLED', 2);
    await recovers();
  });

  it('cannot hold it up with metadata that never comes: it hangs up and comes back', async () => {
    const before = rig.events.length;
    let subscriptions = 0;
    server.subscribeInstead = () => {
      subscriptions += 1;
    };
    for (const call of server.subscribers) call.end();
    await rig.until('unsubscribed', ({ fault }) => fault.code === 'SUBSCRIBE_SILENT', before);
    expect(subscriptions).toBeGreaterThanOrEqual(1);
    expect(rig.agent.liveVersion(track)).toBe(1);
    server.subscribeInstead = undefined;
    press.point('stable', 2);
    server.current = press.set();
    await rig.until('installed', ({ version }) => version === 2);
  });

  it('cannot flood it: a stream of more sets than anybody signs is ended', async () => {
    const before = rig.events.length;
    server.subscribeInstead = (call) => {
      for (let count = 0; count < 700; count += 1) call.write(first);
    };
    for (const call of server.subscribers) call.end();
    await rig.until('unsubscribed', ({ fault }) => fault.code === 'SUBSCRIBE_FLOODED', before);
    expect(rig.agent.liveVersion(track)).toBe(1);
    server.subscribeInstead = undefined;
    server.current = first;
    await rig.until('subscribed', () => true, rig.events.length);
    await recovers();
  });

  it('cannot send a message larger than the contract’s', async () => {
    const before = rig.events.length;
    server.subscribeInstead = (call) => call.write({ ...first, catalogue: Buffer.alloc(4 * 2 ** 20) });
    for (const call of server.subscribers) call.end();
    await rig.until('unsubscribed', ({ fault }) => fault.code === 'GRPC_RESOURCE_EXHAUSTED', before);
    expect(rig.agent.liveVersion(track)).toBe(1);
    server.subscribeInstead = undefined;
    server.current = first;
    await rig.until('subscribed', () => true, rig.events.length);
    await recovers();
  });

  it('cannot take the signed releases away by denying them', async () => {
    const before = rig.events.length;
    server.subscribeInstead = (call) => call.emit('error', Object.assign(new Error('none here'), { code: 12 }));
    for (const call of server.subscribers) call.end();
    expect(await rig.until('unserved', () => true, before)).toMatchObject({ trusted: true });
    expect(rig.agent.isAnchored).toBe(true);
    expect(rig.agent.liveVersion(track)).toBe(1);
  });

  it('cannot lower a floor that it has seen', async () => {
    press.point('stable', 2);
    press.floor = 2;
    server.push(press.set());
    await rig.until('installed', ({ version }) => version === 2);
    press.floor = 1;
    press.point('stable', 1);
    server.push(press.set());
    await rig.until('refused', ({ fault }) => fault.code === 'FLOOR_LOWERED');
    expect(rig.agent.liveVersion(track)).toBe(2);
  });
});
