import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { seededUnit } from '../base/random.ts';
import { pauseWhileRunning } from '../lab/rig/member.ts';
import { hostileCalls, normalCalls } from '../lab/testing/node-calls.ts';
import { NodeRig } from '../lab/testing/node-rig.ts';

let rig: NodeRig;

beforeEach(async () => {
  rig = await NodeRig.open(fileURLToPath(new URL('../cli/testudo.ts', import.meta.url)));
});
afterEach(async () => {
  await rig.close();
});

const node = 'node-a';
const usual = Array.from({ length: 40 }, (_, salt) => normalCalls(salt));
/** None like another, so that each is an alert of its own. */
const hostile = (from: number) =>
  Array.from({ length: 8 }, (_, at) => [...hostileCalls, ...normalCalls(from + at).slice(0, (from + at) % 7)]);

/** Of what the sensor said in all its lives, the alerts. */
async function alertsSaid(): Promise<readonly string[]> {
  const lines = (await readFile(join(rig.folder, `${node}.log`), 'utf8')).split('\n');
  return lines.flatMap((line) => /"alert":"(a-[0-9a-f]+)".*"msg":"alert"/.exec(line)?.[1] ?? []);
}

it('a sensor that is killed at any moment: what it has raised is at its hub, once, and it goes on as it was', async () => {
  await rig.startClient();
  await rig.heard.said('release fetched and verified');
  const kills = 2;
  for (let life = 0; life < kills; life++) {
    const sensor = await rig.startSensor(node);
    await rig.sensorSaid(
      node,
      life === 0 ? 'release installed' : 'the release of the last run scores',
      Math.max(1, life),
    );
    await rig.happens(node, [...usual, ...usual, ...hostile(8 * life)]);
    // Anywhere between reading the first trace and having told all alerts.
    await new Promise((resolve) => setTimeout(resolve, 1_500 * seededUnit(17, 'kill', life)));
    sensor.kill();
    await sensor.exited;
  }
  const last = await rig.startSensor(node);
  await rig.sensorSaid(node, 'the release of the last run scores', kills);
  const before = (await alertsSaid()).length;
  await rig.happens(node, [...usual, ...usual, ...hostile(8 * kills)]);
  while ((await alertsSaid()).length === before) await pauseWhileRunning([last]);
  for (;;) {
    const there = new Set((await rig.alerts()).map(({ id }) => id));
    if ((await alertsSaid()).every((id) => there.has(id))) break;
    await pauseWhileRunning([last]);
  }
  const ids = (await rig.alerts()).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBeGreaterThan(0);
});
