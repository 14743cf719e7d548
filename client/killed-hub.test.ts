import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pauseWhileRunning } from '../lab/rig/member.ts';
import { hostileCalls, normalCalls } from '../lab/testing/node-calls.ts';
import { NodeRig, track } from '../lab/testing/node-rig.ts';
import { FetchFileResponse } from '../proto/generated/testudo/v1/releases.ts';
import type { Digest } from '../proto/ids.ts';

let rig: NodeRig;

beforeEach(async () => {
  rig = await NodeRig.open(fileURLToPath(new URL('../cli/testudo.ts', import.meta.url)));
});
afterEach(async () => {
  await rig.close();
});

const nodes = ['node-a', 'node-b', 'node-c'];
const usual = Array.from({ length: 40 }, (_, salt) => normalCalls(salt));
const isVersion2 = ({ version }: Readonly<Record<string, unknown>>) => version === 2;

/** The coordinator sends half of this file, and then nothing more. */
function holdBack(held: Digest): void {
  rig.releases.fetchInstead = (call) => {
    const { digest, offset } = call.request;
    const file = rig.press.files.get(digest as Digest) as Buffer;
    const to = digest === held ? file.length >> 1 : file.length;
    const chunk = file.subarray(Number(offset), to);
    call.write(FetchFileResponse.fromPartial({ offset, sizeBytes: BigInt(file.length), chunk }));
    if (to === file.length) call.end();
  };
}

it('a hub that is killed twice during a release: every sensor comes to it, and no alert and no content is lost', async () => {
  let client = await rig.startClientProcess();
  const sensors = await Promise.all(nodes.map((node) => rig.startSensor(node)));
  await Promise.all(nodes.map((node) => rig.sensorSaid(node, 'release installed')));
  await Promise.all(nodes.map((node) => rig.happens(node, [...usual, ...usual, hostileCalls])));
  await Promise.all(nodes.map((node) => rig.sensorSaid(node, 'alert')));

  // The hub has the manifest, which the sensors fetch of it, and half of what the manifest names, which they ask for.
  const { manifest, light } = await rig.prepare(2);
  holdBack(light);
  rig.publish(2);
  const fetched = (node: string) => join(rig.folder, node, 'data', 'agent', 'files', manifest.slice('sha256:'.length));
  while (!nodes.every((node) => existsSync(fetched(node)))) await pauseWhileRunning([client, ...sensors], 20);
  client.kill();
  await client.exited;
  rig.releases.fetchInstead = undefined;
  await Promise.all(nodes.map((node) => rig.happens(node, [hostileCalls])));
  await Promise.all(nodes.map((node) => rig.sensorSaid(node, 'alert', 2)));

  // And again as soon as one of them has it.
  client = await rig.startClientProcess();
  await Promise.race(nodes.map((node) => rig.sensorSaid(node, 'release installed', 1, isVersion2)));
  client.kill();
  await client.exited;

  const last = await rig.startClient();
  await Promise.all(nodes.map((node) => rig.sensorSaid(node, 'release installed', 1, isVersion2)));
  const { buffer } = last.tracks.get(track) ?? {};
  const contents = new Set(usual.map((calls) => calls.join())).size;
  await rig.heard.until(() => (buffer?.counts().seen === contents ? true : undefined));
  while ((await rig.alerts()).length < 2 * nodes.length) await pauseWhileRunning(sensors);
  await Promise.all(sensors.map((sensor) => sensor.stop()));
  const alerts = await rig.alerts();
  expect(new Set(alerts.map(({ id }) => id)).size).toBe(2 * nodes.length);
  expect(alerts).toHaveLength(2 * nodes.length);
  expect(alerts.map(({ detail }) => detail.sensor).sort()).toEqual([...nodes, ...nodes].sort());
});
