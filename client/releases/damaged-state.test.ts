import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReleaseGround } from '../../lab/testing/release-ground.ts';
import type { SubscribeResponse } from '../../proto/generated/testudo/v1/releases.ts';
import { parseTrackId } from '../../proto/ids.ts';
import { copyOf } from '../storage/kept-twice.ts';
import { tinySpec, tinyWeights } from './testing/agent-rig.ts';

const track = parseTrackId('syscall');

let ground: ReleaseGround;
let path: string;
let before: SubscribeResponse;

/** Version 2 runs, at floor 1; `before` is what was signed before that, for whoever would roll it back. */
beforeEach(async () => {
  ground = await ReleaseGround.open(track);
  const { press, server, folder } = ground;
  path = join(folder, 'agent/state.json');
  for (const version of [1, 2, 3]) press.release(version, tinySpec, tinyWeights(version));
  press.point('stable', 1);
  before = press.set();
  press.point('stable', 2);
  press.floor = 1;
  server.push(press.set());
  const rig = (await ground.agent()).connect();
  await rig.until('installed', ({ version }) => version === 2);
  await rig.until('acknowledged');
  await rig.agent.close();
});

afterEach(() => ground.close());

describe('an agent whose stored state is damaged', () => {
  it.each<[string, (state: string) => string | undefined]>([
    ['torn', (state) => state.slice(0, state.length / 2)],
    ['empty', () => ''],
    ['other bytes', () => '\0'.repeat(4_096)],
    ['no state', () => '[]'],
    ['another root', (state) => state.replace('"root":"', '"root":"{')],
    ['gone', () => undefined],
  ])('runs its model, keeps its floor and cannot be rolled back (%s)', async (_, damage) => {
    const state = await readFile(path, 'utf8');
    const damaged = damage(state);
    if (damaged === undefined) await rm(path);
    else await writeFile(path, damaged);
    const { press, server } = ground;
    server.current = before;
    const rig = (await ground.agent()).connect();
    expect(rig.agent.liveVersion(track)).toBe(2);
    expect(rig.agent.view().tracks.syscall).toMatchObject({ floor: 1, live: { version: 2 } });
    await rig.until('refused', ({ fault }) => fault.code === 'METADATA_ROLLED_BACK');
    expect(rig.agent.liveVersion(track)).toBe(2);
    // What is newer is followed as ever.
    press.point('stable', 3);
    server.push(press.set());
    await rig.until('installed', ({ version }) => version === 3);
    expect(rig.events.filter(({ kind }) => kind === 'anchored')).toEqual([]);
    const { setAside } = rig.agent.view();
    expect(await rig.until('stoodIn')).toEqual({ kind: 'stoodIn', setAside });
    expect(await Promise.all(setAside.map((one) => readFile(one, 'utf8')))).toEqual(
      damaged === undefined ? [] : [damaged],
    );
    await rig.agent.close();
    // It is named until somebody has removed it, and nothing stands in any longer.
    const again = await ground.agent();
    expect(again.agent.view().setAside).toEqual(setAside);
    expect(again.events.filter(({ kind }) => kind === 'stoodIn')).toEqual([]);
    expect(again.agent.liveVersion(track)).toBe(3);
  });

  it('runs nothing and trusts nobody anew where its copy is damaged too, and says what helps', async () => {
    for (const one of [path, copyOf(path)]) await writeFile(one, '');
    const { server } = ground;
    server.current = before;
    const rig = (await ground.agent()).connect();
    await rig.until('subscribed');
    expect(rig.agent.unusable).toEqual([expect.stringMatching(/^releases: TRUST_INVALID: .*copy.*remove both/)]);
    expect(rig.agent.view()).toMatchObject({ rootVersion: null, setAside: [] });
    await rig.agent.close();
    expect(await readFile(path, 'utf8')).toBe('');
  });
});
