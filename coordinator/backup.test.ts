import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { backUp, verifyDataDir } from './backup.ts';
import { takePart } from './testing/small-client.ts';
import { clusters, openSmallFederation, operator, track } from './testing/small-federation.ts';
import { tempDir } from './testing/temp-dir.ts';
import { roundEnd } from './testing/wait.ts';

/** As a coordinator that was founded has them: an engine alone makes no identity. */
function foundedDir(): string {
  const dataDir = tempDir();
  mkdirSync(join(dataDir, 'identity'));
  return dataDir;
}

it('a backup taken while rounds run is verified, and goes on in its own place with the next round', async () => {
  const [dataDir, target] = [foundedDir(), join(tempDir(), 'backup')];
  const engine = await openSmallFederation(dataDir);
  for (const cluster of clusters) takePart(engine, cluster, () => {});
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  const ended = await roundEnd(engine, 'r-1');
  const head = unwrap(await backUp(dataDir, target));
  expect(readdirSync(target).sort()).toEqual(['blobs', 'identity', 'journal.sqlite', 'keys', 'transparency']);
  expect(verifyDataDir(dataDir)).toMatchObject({ ok: true, value: head });
  expect(await backUp(dataDir, target)).toMatchObject({ fault: { code: 'TARGET_NOT_EMPTY' } });
  await engine.close();

  const restored = join(tempDir(), 'data');
  cpSync(target, restored, { recursive: true });
  const again = await openSmallFederation(restored);
  try {
    expect(again.state().tracks.get(track)?.rounds.get(ended.round)?.phase).toEqual(ended.phase);
    for (const cluster of clusters) takePart(again, cluster, () => {});
    unwrap(await again.openRound(operator, { track, reason: 'restored' }));
    expect((await roundEnd(again, 'r-2')).phase.kind).toBe('candidate');
  } finally {
    await again.close();
  }
});

it('a backup holds no signed head of more entries than its journal, whatever is signed meanwhile', async () => {
  const [dataDir, target] = [foundedDir(), join(tempDir(), 'backup')];
  const engine = await openSmallFederation(dataDir);
  const folder = join(dataDir, 'transparency');
  mkdirSync(folder);
  writeFileSync(join(folder, 'before'), 'signed before it began');
  const copying = backUp(dataDir, target);
  const refused = copying.then((result) => !result.ok && expect.fail(JSON.stringify(result.fault)));
  const isThere = async () => {
    while (!existsSync(join(target, 'journal.sqlite'))) await new Promise((next) => setImmediate(next));
  };
  await Promise.race([isThere(), refused]);
  writeFileSync(join(folder, 'meanwhile'), 'signed since the journal is copied');
  unwrap(await copying);
  await engine.close();
  expect(readdirSync(join(target, 'transparency'))).toEqual(['before']);
});

it.each(['blobs', 'keys', 'identity'])(
  'a directory whose %s are gone, or are no folder, gives no backup',
  async (name) => {
    const dataDir = foundedDir();
    await (await openSmallFederation(dataDir)).close();
    unwrap(await backUp(dataDir, join(tempDir(), 'whole')));
    const folder = join(dataDir, name);
    rmSync(folder, { recursive: true });
    expect(await backUp(dataDir, join(tempDir(), 'gone'))).toMatchObject({
      fault: { code: 'DATA_DIR_UNUSABLE', message: expect.stringContaining(`${folder} is gone`) },
    });
    writeFileSync(folder, 'what a damaged disk makes of a folder');
    expect(await backUp(dataDir, join(tempDir(), 'unread'))).toMatchObject({
      fault: { code: 'DATA_DIR_UNUSABLE', message: expect.stringContaining('ENOTDIR') },
    });
  },
);

it('a backup lies in no data directory', async () => {
  const dataDir = foundedDir();
  await (await openSmallFederation(dataDir)).close();
  for (const target of [dataDir, join(dataDir, 'inside'), join(dataDir, '..inside')]) {
    expect(await backUp(dataDir, target)).toMatchObject({ fault: { code: 'TARGET_INSIDE' } });
  }
  expect(existsSync(join(dataDir, 'inside'))).toBe(false);
});

it('a data directory that is none is refused by name', () => {
  const dir = tempDir();
  writeFileSync(join(dir, 'journal.sqlite'), 'no journal, but a text that is long enough for a header'.repeat(40));
  expect(verifyDataDir(dir)).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED' } });
});
