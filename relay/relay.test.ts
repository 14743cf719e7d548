import { expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import type { Provenance } from '../coordinator/candidate/provenance.ts';
import { operator, track } from '../coordinator/testing/small-federation.ts';
import { until } from '../coordinator/testing/wait.ts';
import {
  answering,
  clustersOf,
  deltaOf,
  ended,
  meanOf,
  openNode,
  openParent,
  weightsOf,
} from '../lab/testing/relay-tree.ts';
import { digestOf } from '../proto/digest.ts';
import type { ClusterId } from '../proto/ids.ts';
import { releaseFileNames } from '../proto/release/documents/manifest.ts';

it('brings the clusters of two regions to one candidate at the root, and its release down to both', async () => {
  const root = await openNode('root', meanOf(2));
  const regions = await Promise.all(
    ['east', 'west'].map(async (name) => {
      const clusters = clustersOf(name);
      const node = await openNode(name, meanOf(3, { upward: true }), clusters);
      answering(node.engine, clusters);
      const identity = await root.enrol(name as ClusterId);
      return { name, clusters, node, parent: await openParent(node, root, identity) };
    }),
  );
  // The parent's first model is the region's next base: published under the region's own root, and no copy of its own version 0.
  for (const { node } of regions) {
    await until(
      node.engine,
      () => node.engine.state().tracks.get(track)?.releasing.channels.stable?.version === 1 || undefined,
    );
  }
  await until(root.engine, () => root.engine.connected().size === 2 || undefined);
  unwrap(await root.engine.openRound(operator, { track, reason: 'test' }));
  const { phase } = await ended(root.engine, 'r-1');
  if (phase.kind !== 'candidate') throw new Error(JSON.stringify(phase));

  // What all six clusters sent, through two means.
  const base = await weightsOf(root, 0);
  const candidate = await weightsOf(root, 1);
  const deltas = regions.flatMap(({ clusters }) => clusters.map(deltaOf));
  const expected = base.map((value, at) => value + deltas.reduce((sum, delta) => sum + (delta[at] as number) / 6, 0));
  const worst = candidate.reduce((most, value, at) => Math.max(most, Math.abs(value - (expected[at] as number))), 0);
  expect(worst).toBeLessThan(1e-6);

  // The root's record shows the regions and no cluster; each region's shows its own.
  const provenance = JSON.parse(
    Buffer.from(unwrap(await root.engine.blobs.get(phase.provenance))).toString('utf8'),
  ) as Provenance;
  expect(provenance.updates.map(({ cluster }) => cluster).sort()).toEqual(['east', 'west']);
  for (const { name, clusters, node } of regions) {
    const named = provenance.updates.find(({ cluster }) => cluster === name)?.provenance;
    const own = unwrap(await node.engine.blobs.get(named as never));
    expect(digestOf(own)).toBe(named);
    const inside = JSON.parse(Buffer.from(own).toString('utf8')) as Provenance;
    expect(inside.updates.map(({ cluster }) => cluster).sort()).toEqual([...clusters]);
    expect(inside.federation).toBe(name);
    expect(inside.base.digest).toBe(provenance.base.digest);
  }

  // Probes and scrapers hear of the side to the parent too.
  for (const { name, parent } of regions) {
    const page = (path: string) => fetch(`http://127.0.0.1:${parent.healthPort}${path}`);
    const ready = await page('/readyz');
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { ready: true, checks: { enrolled: true, certificate: 'in force' } },
    ]);
    const metrics = await (await page('/metrics')).text();
    expect({ name, metrics }).toMatchObject({
      metrics: expect.stringMatching(/^testudo_client_invitations_total.* 1$/m),
    });
  }

  // The region's own candidate went up and no further; the parent's release comes down, and names the parent's manifest.
  for (const { name, node } of regions) {
    const { engine } = node;
    await until(engine, () => engine.state().tracks.get(track)?.releasing.channels.stable?.version === 3 || undefined);
    const known = engine.state().tracks.get(track);
    expect(known?.models.map(({ round }) => round)).toEqual([null, null, 'r-1', null]);
    expect(known?.headVersion).toBe(3);
    expect(known?.releasing.stableHistory).toEqual([0, 1, 3]);
    const release = known?.releasing.releases[3];
    expect(release?.manifest).toMatchObject({ federation: name, version: 3, base: { version: 1 } });
    const named = (file: string) => release?.manifest.files.find(({ name: is }) => is === file)?.digest;
    const signed = root.engine.state().tracks.get(track)?.releasing.releases[1];
    expect(named(releaseFileNames.parent)).toBe(signed?.manifestDigest);
    expect(named(releaseFileNames.weights)).toBe(phase.candidate.digest);
  }
  await until(
    root.engine,
    () =>
      regions.every(({ name }) => root.engine.state().agents.get(`${name}/${track}`)?.liveVersion === 1) || undefined,
  );
});
