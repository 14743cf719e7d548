import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Fault, FaultError, ok, refuse, unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import type { SubscribeResponse } from '../../../proto/generated/testudo/v1/releases.ts';
import { type Digest, parseClusterId, parseFederationId, parseTrackId } from '../../../proto/ids.ts';
import { releaseFileNames } from '../../../proto/release/documents/manifest.ts';
import { parseAddress } from '../../link/address.ts';
import type { ClusterIdentity } from '../../link/identity-store.ts';
import { StoredModels } from '../../releases/hosts/stored-models.ts';
import type { ConnectToReleases, ReleaseMessage } from '../../releases/release-calls.ts';
import { AgentRig, tinySpec, tinyWeights } from '../../releases/testing/agent-rig.ts';
import { ReleasePress } from '../../releases/testing/release-press.ts';
import { fetchAhead } from './fetch-ahead.ts';
import { ReleasesRelay } from './releases-relay.ts';

const track = parseTrackId('syscall');
const federation = parseFederationId('herd');
const cluster = parseClusterId('north');
const identity = { federation, cluster, signingSeed: new Uint8Array(32).fill(1) } as ClusterIdentity;

/** A host that takes as long to load as it is told: a calibration on many examples, say. */
class SlowHost extends StoredModels {
  held: Promise<void> = Promise.resolve();

  override async load(...model: Parameters<StoredModels['load']>) {
    await this.held;
    return await super.load(...model);
  }
}

let folder: string;
let press: ReleasePress;
let fetched: Digest[];
let push: (set: SubscribeResponse) => void;
let failed: Fault[];
let stopping: AbortController;
let following: Promise<void>;
let relay: ReleasesRelay;
let host: SlowHost;
let rig: AgentRig;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-ahead-'));
  [fetched, failed, stopping, host] = [[], [], new AbortController(), new SlowHost()];
  press = new ReleasePress(federation, track);
  for (const version of [1, 2, 3]) press.release(version, tinySpec, tinyWeights(version), lightOf(version));
  press.point('stable', 1);
  relay = await ReleasesRelay.open(folder, { now: Date.now, report: ({ code }) => expect.unreachable(code) });
  rig = await AgentRig.open({
    ...{ folder, track, identity, host },
    address: unwrap(parseAddress('127.0.0.1:1')),
    config: { connect: relay.listening(coordinator()), keepReleases: 1 },
  });
  const parts = { relay, files: rig.agent.files, tracks: [track], who: () => ({ cluster }), timers: systemTimers };
  const onFailed = (_: unknown, __: unknown, fault: Fault) => failed.push(fault);
  following = fetchAhead({ ...parts, onFailed }, stopping.signal);
  rig.connect();
  await rig.until('installed');
});
afterEach(async () => {
  stopping.abort();
  await following;
  await rig.agent.close();
  await relay.close();
  await rm(folder, { recursive: true, force: true });
});

function lightOf(version: number) {
  return { [releaseFileNames.light]: Buffer.from(`light form ${version}`) };
}

/** What a release is made of, with the weights or without. */
function digestsOf(version: number, name?: 'weights'): readonly Digest[] {
  const found = [...press.files].filter(([, bytes]) => {
    const isOf = bytes.includes(`light form ${version}`) || bytes.includes(`"version":${version}`);
    return name === 'weights' ? bytes.equals(Buffer.from(tinyWeights(version).buffer)) : isOf;
  });
  return found.map(([digest]) => digest);
}

/** A coordinator in this process, which answers what a file's digest asks for and nothing else. */
function coordinator(): ConnectToReleases {
  const message = ({ labels: _, ...received }: SubscribeResponse): ReleaseMessage => ({ received, labels: {} });
  return () => ({
    subscribe: ({ rootVersion }, { onMessage, signal }) => {
      const send = (set: SubscribeResponse) => onMessage(message({ ...set, roots: set.roots.slice(rootVersion) }));
      push = send;
      send(press.set());
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(refuse('GRPC_CANCELLED', 'hung up').fault));
      });
    },
    fetch: ({ digest, offset }) => {
      fetched.push(digest);
      return {
        async *[Symbol.asyncIterator]() {
          const file = press.files.get(digest);
          if (file === undefined) throw new FaultError(refuse('FILE_NOT_FOUND', 'no such file').fault);
          yield { offset, sizeBytes: BigInt(file.length), chunk: file.subarray(Number(offset)) };
        },
        cancel: () => undefined,
      };
    },
    acknowledge: async () => ok(1),
    reportShadow: async () => ok(1),
    close: () => undefined,
  });
}

/** Resolves when all of these are on disk. */
async function here(digests: readonly Digest[]): Promise<void> {
  await vi.waitFor(
    () => {
      for (const digest of digests) if (!existsSync(rig.agent.files.path(digest))) throw new Error(digest);
    },
    { timeout: 60_000, interval: 5 },
  );
}

it('has the files of a new release for sensors while the hub’s own agent still loads the one before', async () => {
  const loading = Promise.withResolvers<void>();
  host.held = loading.promise;
  for (const version of [2, 3]) {
    press.point('stable', version);
    push(press.set());
    await here(digestsOf(version));
  }
  expect(rig.agent.liveVersion(track)).toBe(1);
  expect(existsSync(rig.agent.files.path(digestsOf(3, 'weights')[0] as Digest))).toBe(false);
  loading.resolve();
  await rig.until('installed', ({ version }) => version === 3);
  // Whatever the two of them asked for at once came once.
  expect(new Set(fetched).size).toBe(fetched.length);
  expect(failed).toEqual([]);
});

it('keeps what it fetched ahead though the agent removes what it does not run, until a newer set asks for other files', async () => {
  const loading = Promise.withResolvers<void>();
  host.held = loading.promise;
  press.point('stable', 2);
  push(press.set());
  await here(digestsOf(2));
  await rig.agent.files.keepOnly(new Set(digestsOf(1)));
  for (const digest of digestsOf(2)) {
    expect(await readFile(rig.agent.files.path(digest))).toEqual(press.files.get(digest));
  }
  press.point('stable', 3);
  push(press.set());
  await here(digestsOf(3));
  await rig.agent.files.keepOnly(new Set(digestsOf(1)));
  expect(digestsOf(2).filter((digest) => existsSync(rig.agent.files.path(digest)))).toEqual([]);
  loading.resolve();
  await rig.until('installed', ({ version }) => version === 3);
});

it('says what could not be fetched, and leaves trying again to the agent', async () => {
  const [light] = digestsOf(2).filter((digest) => press.files.get(digest)?.includes('light form'));
  const file = press.files.get(light as Digest) as Buffer;
  press.files.delete(light as Digest);
  press.point('stable', 2);
  push(press.set());
  await vi.waitFor(() => expect(failed.map(({ code }) => code)).toEqual(['FILE_NOT_FOUND']), { timeout: 60_000 });
  press.files.set(light as Digest, file);
  await rig.until('installed', ({ version }) => version === 2);
});
