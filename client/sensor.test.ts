import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostileCalls, NodeRig, normalCalls, track } from '../lab/testing/node-rig.ts';

let rig: NodeRig;

beforeEach(async () => {
  rig = await NodeRig.open(fileURLToPath(new URL('../cli/testudo.ts', import.meta.url)));
});
afterEach(async () => {
  await rig.close();
});

/** More of the same than a threshold needs. */
const usual = Array.from({ length: 40 }, (_, salt) => normalCalls(salt));

describe('testudo sensor', { timeout: 60_000 }, () => {
  it('verifies and runs the release that its hub relays, tells each content once, and raises an alert there', async () => {
    const client = await rig.startClient();
    await rig.said('release fetched and verified');
    const sensor = await rig.startSensor('node-a');
    await rig.said('a sensor spoke of a release', ({ node, version, outcome }) => {
      return node === 'node-a' && version === 1 && outcome === 'installed';
    });

    await rig.happens('node-a', [...usual, ...usual, hostileCalls]);
    const { alert, threshold } = await rig.said('alert');
    const [told] = await rig.alerts();
    expect(told).toMatchObject({ id: alert, modelVersion: 1, subject: { pod: 'web-0', workloadClass: 'nginx' } });
    expect(told?.score).toBeGreaterThan(Number(threshold));
    expect(told?.detail).toMatchObject({ sensor: 'node-a' });

    const libraries = await readFile(`/proc/${sensor.pid}/maps`, 'utf8');
    expect(libraries).toContain('onnxruntime');
    expect(libraries).not.toMatch(/tensorflow|tfjs/i);

    await sensor.stop();
    const { seen = 0, repeated = 0 } = client.tracks.get(track)?.buffer.counts() ?? {};
    expect(seen).toBe(new Set(usual.map((calls) => calls.join())).size);
    expect(seen + repeated).toBe(2 * usual.length);
  });
});
