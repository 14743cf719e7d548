import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { firstResponsePolicy, type ResponsePolicy } from '../../../proto/response-policy.ts';
import { copyOf } from '../../storage/kept-twice.ts';
import { relayedFile } from '../testing/signed-policy.ts';
import { PolicyFeed } from './policy-feed.ts';

const start = Date.parse('2026-11-28T12:00:00Z');
const dayMs = 86_400_000;
const observing = firstResponsePolicy(start);
const enforcing: ResponsePolicy = { ...observing, level: 'enforce' };

async function feedOf() {
  const folder = tempDir();
  const [file, trustFile] = [join(folder, 'releases.json'), join(folder, 'trust.json')];
  const places = { file, trustFile, keptFile: join(folder, 'kept.json') };
  const timers = new SimulatedTimers(start);
  const refused: string[] = [];
  const stoodIn: (string | null)[] = [];
  const ports = {
    timers,
    onChange: () => undefined,
    onRefused: ({ code }: { code: string }) => void refused.push(code),
    onStoodIn: (setAside: string | null) => void stoodIn.push(setAside),
  };
  const open = async () => {
    const feed = await PolicyFeed.open(places, ports);
    onTestFinished(() => feed.close());
    return feed;
  };
  const relay = (...args: Parameters<typeof relayedFile>) => writeFileSync(file, relayedFile(...args));
  return { open, relay, refused, stoodIn, file, trustFile };
}

describe('PolicyFeed', () => {
  it('is what operators signed; what one of two, or the coordinator, signed raises nothing', async () => {
    const { open, relay, refused } = await feedOf();
    relay(observing, start);
    const feed = await open();
    expect(feed.at(start)).toEqual({ ok: true, value: observing });
    for (const [version, by] of [
      [2, [30]],
      [3, [20]],
      [4, [10]],
      [5, [30, 20]],
    ] as const) {
      relay(enforcing, start, { version, by });
      await feed.look();
      expect(refused.at(-1)).toBe('METADATA_UNDERSIGNED');
      expect(feed.at(start)).toEqual({ ok: true, value: observing });
    }
    expect(refused).toHaveLength(4);
    relay(enforcing, start, { version: 6 });
    await feed.look();
    expect(feed.at(start)).toEqual({ ok: true, value: enforcing });
  });

  it('is brought back by nobody once it was lowered, over restarts too', async () => {
    const { open, relay, refused } = await feedOf();
    relay(enforcing, start, { version: 1 });
    const feed = await open();
    relay(observing, start, { version: 2 });
    await feed.look();
    expect(feed.at(start)).toEqual({ ok: true, value: observing });
    await feed.close();
    relay(enforcing, start, { version: 1 });
    const again = await open();
    expect(refused).toEqual(['METADATA_ROLLED_BACK']);
    // What stood when it ended stands: the lowered one.
    expect(again.at(start)).toEqual({ ok: true, value: observing });
  });

  it('ends with the set that holds it where a newer one is withheld', async () => {
    const { open, relay, refused } = await feedOf();
    relay({ ...enforcing, expiresAtMs: start + 90 * dayMs }, start);
    const feed = await open();
    expect(feed.at(start + 29 * dayMs).ok).toBe(true);
    expect(feed.at(start + 31 * dayMs)).toMatchObject({ fault: { code: 'RESPONSE_POLICY_EXPIRED' } });
    expect(refused).toEqual([]);
  });

  it('ends by its own date though the set that holds it stands', async () => {
    const { open, relay, refused } = await feedOf();
    relay({ ...enforcing, expiresAtMs: start + 5 * dayMs }, start);
    const feed = await open();
    expect(feed.at(start + 5 * dayMs - 1).ok).toBe(true);
    expect(feed.at(start + 5 * dayMs)).toMatchObject({ fault: { code: 'RESPONSE_POLICY_EXPIRED' } });
    expect(refused).toEqual([]);
  });

  it('is none where there is no file, no signed set or no policy; and a spoilt trust ends the agent', async () => {
    const { open, relay, file, refused, trustFile } = await feedOf();
    const absent = { fault: { code: 'RESPONSE_POLICY_ABSENT' } };
    expect((await open()).at(start)).toMatchObject(absent);
    writeFileSync(file, 'null');
    expect((await open()).at(start)).toMatchObject(absent);
    expect(refused).toEqual(['POLICY_UNREADABLE']);
    relay(undefined, start);
    expect((await open()).at(start)).toMatchObject(absent);
    for (const one of [trustFile, copyOf(trustFile)]) writeFileSync(one, '{}');
    await expect(open()).rejects.toThrow(/stored trust.*restore it or its copy/);
  });

  it('goes on from the copy of a trust that does not read back, and is brought back by nobody', async () => {
    const { open, relay, refused, stoodIn, trustFile } = await feedOf();
    relay(enforcing, start, { version: 1 });
    const feed = await open();
    relay(observing, start, { version: 2 });
    await feed.look();
    await feed.close();
    const trusted = readFileSync(trustFile, 'utf8');
    writeFileSync(trustFile, trusted.slice(0, 40));
    relay(enforcing, start, { version: 1 });
    const again = await open();
    expect(again.at(start)).toEqual({ ok: true, value: observing });
    expect(refused).toEqual(['METADATA_ROLLED_BACK']);
    const [setAside] = stoodIn;
    expect(readFileSync(setAside ?? expect.fail('nothing was kept'), 'utf8')).toBe(trusted.slice(0, 40));
    expect(readFileSync(trustFile, 'utf8')).toBe(trusted);
  });
});
