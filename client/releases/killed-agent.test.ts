import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReleaseGround } from '../../lab/testing/release-ground.ts';
import type { SubscribeResponse } from '../../proto/generated/testudo/v1/releases.ts';
import { parseTrackId } from '../../proto/ids.ts';
import { tinySpec, tinyWeights } from './testing/agent-rig.ts';
import type { KilledAgent } from './testing/killed-agent-process.ts';
import type { ReleasePress } from './testing/release-press.ts';
import type { TestReleases } from './testing/releases-server.ts';

const track = parseTrackId('syscall');
const program = fileURLToPath(new URL('./testing/killed-agent-process.ts', import.meta.url));

let ground: ReleaseGround;
let folder: string;
let server: TestReleases;
let press: ReleasePress;
let first: SubscribeResponse;

beforeEach(async () => {
  ground = await ReleaseGround.open(track);
  ({ folder, server, press } = ground);
  for (const version of [1, 2]) press.release(version, tinySpec, tinyWeights(version));
  press.point('stable', 1);
  // Version 1 is installed, with floor 0; then version 2 is promoted, with floor 1.
  first = press.set();
  server.push(first);
  const rig = (await ground.agent()).connect();
  await rig.until('installed');
  await rig.agent.close();
  press.point('stable', 2);
  press.floor = 1;
  server.current = press.set();
});

afterEach(() => ground.close());

/** Runs an agent as a process until it has killed itself. */
async function killedAt(at: KilledAgent['at']): Promise<void> {
  const { signingSeed, receiptKey, ...rest } = ground.identity;
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const job: KilledAgent = {
    folder,
    address: ground.address,
    identity: { ...rest, signingSeed: base64(signingSeed), receiptKey: base64(receiptKey) },
    at,
    version: 2,
  };
  const path = join(folder, 'job.json');
  await writeFile(path, JSON.stringify(job));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, path], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code, signal] = await once(child, 'exit');
  expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' });
}

async function storedState(): Promise<{
  trust: { floors: Record<string, number>; accepted: { timestamp: { version: number } } };
  tracks: Record<string, { live: { target: { version: number } } }>;
}> {
  return JSON.parse(await readFile(join(folder, 'agent/state.json'), 'utf8'));
}

describe('an agent that is killed', () => {
  it.each([
    { at: 'checked', moment: 'between the check and the fetch' },
    { at: 'fetched', moment: 'between the fetch and the second check' },
    { at: 'loaded', moment: 'with the new model loaded and nothing persisted' },
  ] as const)('$moment runs the last good model at the floor of before', async ({ at }) => {
    await killedAt(at);
    const state = await storedState();
    expect(state.trust).toMatchObject({ floors: { syscall: 0 }, accepted: { timestamp: { version: 1 } } });
    expect(state.tracks.syscall?.live.target.version).toBe(1);
    const again = await ground.agent();
    expect(again.agent.liveVersion(track)).toBe(1);
    again.connect();
    await again.until('installed', ({ version }) => version === 2);
    expect(again.agent.view().tracks.syscall).toMatchObject({ floor: 1, live: { version: 2 } });
  });

  it.each([
    { at: 'persisted', moment: 'after the state was persisted' },
    { at: 'swap', moment: 'during the swap' },
  ] as const)('$moment runs the model that was verified, at its floor, and cannot be rolled back', async ({ at }) => {
    await killedAt(at);
    const state = await storedState();
    expect(state.trust).toMatchObject({ floors: { syscall: 1 }, accepted: { timestamp: { version: 2 } } });
    const again = await ground.agent();
    expect(again.agent.liveVersion(track)).toBe(2);
    const current = server.current as SubscribeResponse;
    server.current = first;
    again.connect();
    await again.until('refused', ({ fault }) => fault.code === 'METADATA_ROLLED_BACK');
    expect(again.agent.liveVersion(track)).toBe(2);
    // The report that was lost with the process is made up for.
    server.push(current);
    await again.until('acknowledged', ({ report }) => report.version === 2 && report.outcome === 'kept');
  });
});
