import { writeFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import type { HeldModel } from '../../client/scoring/live-scoring.ts';
import type { Release } from '../../coordinator/ledger/state/releasing.ts';
import type { Track } from '../../coordinator/ledger/state/state.ts';
import { track } from '../../coordinator/testing/small-federation.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { clustersOf, meanOf, openNode } from '../../lab/testing/relay-tree.ts';
import { republish } from './republish.ts';

it('publishes nothing, and ends nothing, where a file that its agent had fetched is gone', async () => {
  const root = await openNode('root', meanOf(2));
  const region = await openNode('east', meanOf(3, { upward: true }), clustersOf('east'));
  const { manifestDigest } = (root.engine.state().tracks.get(track) as Track).releasing.releases[0] as Release;
  const manifest = { path: join(tempDir(), 'manifest.json'), digest: manifestDigest };
  writeFileSync(manifest.path, unwrap(await root.engine.blobs.get(manifestDigest)));
  const { blobs } = region.engine;
  const has = blobs.has.bind(blobs);
  blobs.has = async (digest) => {
    // As long as a store elsewhere takes to answer, the file would have been tried by then.
    for (let trial = 0; trial < 20; trial++) await access(join(tempDir(), 'gone')).catch(() => {});
    return has(digest);
  };
  const parts = { region: region.engine, registry: region.registry, pathOf: () => join(tempDir(), 'gone') };
  const models = () => region.engine.state().tracks.get(track)?.models.length;
  const before = models();
  const model = { manifest } as unknown as HeldModel;
  await expect(republish(track, model, parts, new AbortController().signal)).rejects.toThrow('ENOENT');
  expect(models()).toBe(before);
});
