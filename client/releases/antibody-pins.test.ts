import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type LoopbackFederation, loopbackFederationId } from '../../lab/testing/loopback-federation.ts';
import { ReleaseGround } from '../../lab/testing/release-ground.ts';
import { digestOf } from '../../proto/digest.ts';
import { parseTrackId } from '../../proto/ids.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';
import { newAgent } from './decide/agent.ts';
import { lookForEnds } from './decide/expiry.ts';
import { tinySpec, tinyWeights } from './testing/agent-rig.ts';
import { RecordingHost } from './testing/recording-host.ts';
import type { ReleasePress } from './testing/release-press.ts';
import type { TestReleases } from './testing/releases-server.ts';

const track = parseTrackId('syscall');
const antibody = Buffer.from('an antibody');
const digest = digestOf(antibody);

let ground: ReleaseGround;
let folder: string;
let loopback: LoopbackFederation;
let server: TestReleases;
let press: ReleasePress;
let identity: ClusterIdentity;

beforeEach(async () => {
  ground = await ReleaseGround.open(track);
  ({ folder, loopback, server, press, identity } = ground);
  press.release(1, tinySpec, tinyWeights(1));
  press.point('stable', 1);
});

afterEach(() => ground.close());

it('loads what runs anew without an antibody that is held out of use, and with it once the pin is gone', async () => {
  const host = new RecordingHost();
  server.push(press.set());
  const rig = (await ground.agent({ host })).connect();
  await rig.until('installed');
  expect(await host.held()).toEqual([]);
  press.pinAntibody(digest, antibody.length, { inUse: false, subject: { cluster: identity.cluster } });
  press.pinAntibody(digestOf(Buffer.from('other')), 5, { inUse: false, subject: { cluster: 'south' as never } });
  let from = rig.events.length;
  server.push(press.set());
  await rig.until('installed', ({ version }) => version === 1, from);
  expect(await host.held()).toEqual([{ digest, because: 'pin a1 (ada: a test)', bytes: undefined }]);
  expect(rig.agent.view().tracks.syscall).toMatchObject({
    antibodyPins: [{ pinId: 'a1', antibody: digest, inUse: false, setBy: 'ada' }],
  });
  from = rig.events.length;
  press.unpin();
  server.push(press.set());
  await rig.until('installed', () => true, from);
  expect(await host.held()).toEqual([]);
});

it('fetches an antibody that is held in use by itself, and has it after a restart without a coordinator', async () => {
  press.files.set(digest, antibody);
  press.pinAntibody(digest, antibody.length, { inUse: true });
  server.push(press.set());
  const host = new RecordingHost();
  const first = (await ground.agent({ host })).connect();
  await first.until('installed');
  const held = [{ digest, because: 'pin a1 (ada: a test)', bytes: 'an antibody' }];
  expect(await host.held()).toEqual(held);
  await first.agent.close();
  loopback.coordinator.stop();
  const again = new RecordingHost();
  await ground.agent({ host: again });
  expect(await again.held()).toEqual(held);
});

it('installs a release without waiting for an antibody that cannot be had, says so, and looks again', async () => {
  press.pinAntibody(digest, antibody.length, { inUse: true });
  server.push(press.set());
  const host = new RecordingHost();
  const rig = (await ground.agent({ host })).connect();
  await rig.until('installed');
  expect(await rig.until('overruled')).toMatchObject({ track, pinId: 'a1' });
  expect(await host.held()).toEqual([]);
  const from = rig.events.length;
  press.files.set(digest, antibody);
  server.push(press.set());
  await rig.until('installed', () => true, from);
  expect(await host.held()).toMatchObject([{ digest, bytes: 'an antibody' }]);
});

it('lets a pin go at its end, and waits for that by itself', async () => {
  // The agent's clock stands still until it is told otherwise.
  let nowMs = Date.now();
  const untilMs = nowMs + 3_600_000;
  press.pinAntibody(digest, antibody.length, { inUse: false, untilMs });
  server.push(press.set());
  const host = new RecordingHost();
  const rig = (await ground.agent({ host, nowMs: () => nowMs })).connect();
  await rig.until('installed');
  expect(await host.held()).toMatchObject([{ digest }]);
  const { tracks } = JSON.parse(await readFile(join(folder, 'agent/state.json'), 'utf8'));
  const stored = { federation: loopbackFederationId, trust: null, expiresAtMs: null, tracks };
  const agent = newAgent({ tracks: [track], keep: 4, anchorFile: undefined, storeFault: undefined, stored });
  expect(lookForEnds(agent, nowMs).effects).toEqual([{ kind: 'wait', what: 'expiry', untilMs }]);
  const from = rig.events.length;
  nowMs = untilMs;
  server.push(press.set());
  await rig.until('installed', () => true, from);
  expect(await host.held()).toEqual([]);
  expect(rig.agent.view().tracks.syscall?.antibodyPins).toEqual([]);
});
