import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { SubscribeResponse } from '../../../proto/generated/testudo/v1/releases.ts';
import { parseFederationId, parseTrackId } from '../../../proto/ids.ts';
import type { ReleaseConnection, ReleaseMessage } from '../../releases/release-calls.ts';
import { tinySpec, tinyWeights } from '../../releases/testing/agent-rig.ts';
import { ReleasePress } from '../../releases/testing/release-press.ts';
import { type RelayParts, ReleasesRelay } from './releases-relay.ts';

let folder: string;
let press: ReleasePress;
let faults: string[];
let opened: ReleasesRelay[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-relay-'));
  press = new ReleasePress(parseFederationId('herd'), parseTrackId('syscall'));
  press.release(1, tinySpec, tinyWeights(1));
  press.point('stable', 1);
  faults = [];
  opened = [];
});
afterEach(async () => {
  // What was heard is written meanwhile.
  await Promise.all(opened.map((relay) => relay.close()));
  await rm(folder, { recursive: true, force: true });
});

async function open(over: Partial<RelayParts> = {}): Promise<ReleasesRelay> {
  const relay = await ReleasesRelay.open(folder, { now: Date.now, report: ({ code }) => faults.push(code), ...over });
  opened.push(relay);
  return relay;
}

function text(bytes: Uint8Array = new Uint8Array(0)): string {
  return Buffer.from(bytes).toString('utf8');
}

function message({ labels, ...received }: SubscribeResponse): ReleaseMessage {
  return { received, labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])) };
}

describe('ReleasesRelay', () => {
  it('relays the newest set, with every root that a sensor lacks, over a restart too', async () => {
    const relay = await open();
    expect(relay.messageFor(0)).toBeUndefined();
    relay.hear(message(press.set()));
    press.newRoot([press.rootKeys]);
    const set = press.set();
    relay.hear({ received: { ...set, roots: set.roots.slice(1) }, labels: { ring: 'canary' } });
    await relay.close();
    for (const one of [relay, await open()]) {
      expect(one.messageFor(0)?.received.roots.map(text)).toEqual(press.roots.map(text));
      expect(one.messageFor(1)?.received.roots.map(text)).toEqual(press.roots.slice(1).map(text));
      expect(text(one.messageFor(0)?.received.catalogue)).toBe(text(set.catalogue));
      expect(one.messageFor(0)?.labels).toEqual({ ring: 'canary' });
    }
    expect(faults).toEqual([]);
  });

  it('passes on nothing that is not signed by those who may, nor an older set, and stays with what it had', async () => {
    const relay = await open();
    const [old, sound] = [press.set(), press.set()];
    relay.hear(message(sound));
    relay.hear(message(press.set({ releaseKeys: newSigningKeyPair() })));
    relay.hear(message(old));
    const altered = press.set();
    relay.hear(message({ ...altered, catalogue: Buffer.concat([altered.catalogue, Buffer.from(' ')]) }));
    expect(faults).toHaveLength(3);
    expect(text(relay.messageFor(0)?.received.catalogue)).toBe(text(sound.catalogue));
  });

  it('keeps of roots those alone that lawfully follow: no other keeps sensors from the next', async () => {
    const relay = await open();
    relay.hear(message(press.set()));
    press.newRoot([press.rootKeys]);
    const [first = '', second = ''] = press.roots.map(text);
    const roots = [first, second, second.replace('"version":2', '"version":3')].map((one) => Buffer.from(one));
    relay.hear(message({ ...press.set(), roots }));
    expect(faults).toHaveLength(1);
    expect(relay.messageFor(0)?.received.roots.map(text)).toEqual([first, second]);
    press.newRoot([press.rootKeys]);
    const set = press.set();
    relay.hear(message({ ...set, roots: set.roots.slice(2) }));
    expect(relay.messageFor(0)?.received.roots.map(text)).toEqual(press.roots.map(text));
    expect(faults).toHaveLength(1);
  });

  it('tells sensors the labels that its operator gave, whatever the coordinator says of them', async () => {
    const labels = { ring: 'held' };
    const relay = await open({ labels });
    const { labels: _, ...received } = press.set();
    relay.hear({ received, labels: { ring: 'canary' } });
    expect([relay.labels, relay.messageFor(0)?.labels]).toEqual([labels, labels]);
  });

  it('asks the coordinator for the roots that it lacks itself, whatever the agent has', async () => {
    const asked: number[] = [];
    const connection = {
      subscribe: (request: { rootVersion: number }) => {
        asked.push(request.rootVersion);
        return new Promise(() => undefined);
      },
    } as unknown as ReleaseConnection;
    const relay = await open();
    const connect = relay.listening(() => connection);
    const options = { signal: new AbortController().signal, onMessage: () => undefined };
    void connect(undefined as never, undefined as never).subscribe({ tracks: [], rootVersion: 3 }, options);
    relay.hear(message(press.set()));
    void connect(undefined as never, undefined as never).subscribe({ tracks: [], rootVersion: 3 }, options);
    void connect(undefined as never, undefined as never).subscribe({ tracks: [], rootVersion: 0 }, options);
    expect(asked).toEqual([0, 1, 0]);
  });
});
