import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { systemTimers } from '../../base/system-timers.ts';
import { hostileCalls, normalCalls } from '../../lab/testing/node-calls.ts';
import { NodeRig, nginx } from '../../lab/testing/node-rig.ts';
import { parseClusterId } from '../../proto/ids.ts';
import { writeLightForm } from '../processes/coordinator/light-form.ts';
import { CommandLine, runTestudo } from '../testing/command-line.ts';
import type { StatusShape } from './status-shape.ts';

const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));
/** More of the same than a threshold needs. */
const usual = Array.from({ length: 40 }, (_, salt) => normalCalls(salt));

it('what a sensor saw on its node is in testudo status: by its hub and the coordinator, as counts alone', async () => {
  const line = await CommandLine.start({ spec: nginx.spec, weights: nginx.weights(1), lightForm: writeLightForm });
  const { federation } = line;
  const token = await federation.token('north');
  const { enrolment, federation: members } = federation.coordinator.addresses;
  const portOf = (address: string) => Number(address.split(':').at(-1));
  const rig = await NodeRig.before(testudo, {
    coordinator: { enrolPort: portOf(enrolment), memberPort: portOf(members), stop: () => undefined },
    newToken: () => token,
  });
  onTestFinished(() => rig.close());
  // A hub tells once a minute; nobody needs to wait for it.
  let skippedMs = 0;
  const timers = { ...systemTimers, monotonicMs: () => systemTimers.monotonicMs() + skippedMs };
  const client = await rig.startClient({}, timers);
  await rig.heard.said('release fetched and verified');
  const { pid } = await rig.startSensor('node-a');
  expect(pid).toBeGreaterThan(0);
  await rig.heard.said(
    'a sensor spoke of a release',
    ({ version, outcome }) => version === 0 && outcome === 'installed',
  );
  await rig.happens('node-a', [...usual, ...usual, hostileCalls]);
  await rig.heard.said('alert');
  skippedMs = 60_000;

  // Ends with 4 too: a round would have too few clusters.
  const status = async () => JSON.parse((await line.run('status', '--json')).out) as StatusShape;
  // Who asks by a command for as long as it takes starts fifty processes.
  const { alerts } = federation.coordinator.engine;
  const id = parseClusterId('north');
  await vi.waitUntil(() => alerts.sensorsOf(id)?.count === 1 && alerts.of(id, Date.now()).length === 1, 600_000);
  const north = (await status()).clusters[0];
  expect(north).toMatchObject({
    cluster: 'north',
    sensors: { count: 1, sampled: 0, dangerous: 0, behind: 0, blind: 0 },
    tracks: [{ track: 'syscall', live: 0, alerts: [{ family: expect.any(String), count: 1 }] }],
  });
  // Counts and families, and nothing of what was seen.
  const seen = JSON.stringify(await status());
  for (const secret of ['web-0', 'ptrace', 'shop']) expect(seen).not.toContain(secret);
  const people = (await line.run('status')).out;
  expect(people).toMatch(/^north .* 1 .* syscall .*\b1\b/m);

  const beside = await runTestudo('agent', 'status', '--address', `127.0.0.1:${client.healthPort}`, '--json');
  expect(JSON.parse(beside.out)).toMatchObject({ connected: true, tracks: { syscall: { live: { version: 0 } } } });
});
