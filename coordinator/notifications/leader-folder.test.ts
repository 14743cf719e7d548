import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Outbox } from '../../base/delivery/outbox.ts';
import { unwrap } from '../../base/fault.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { readKnown, writeKnown } from './known-file.ts';
import { alertsPlace, openLeaderFolder } from './leader-folder.ts';

const matter = { code: 'CLUSTER_AWAY', severity: 'warning', cluster: 'eu-1', track: '', about: '' } as never;
const item = (id: string) => ({ item: { id, at: '2026-01-01T00:00:00Z' } as never, repeats: 1 });

const fail = (code: string, cause: string) => {
  throw new Error(`${code}: ${cause}`);
};

function open(folder: string) {
  const outbox = unwrap(Outbox.open<never>(folder));
  onTestFinished(() => outbox.close());
  return outbox;
}

it('the leader that follows goes on with what was told and not delivered, in files that the one before does not share', async () => {
  const dataDir = tempDir();
  expect(alertsPlace(dataDir)).toBe(dataDir);
  const first = await openLeaderFolder(dataDir, 3, fail);
  const before = open(first); // Held open, as by a process that is stopped.
  before.put(['pager'], item('one'), 0);
  await writeKnown(first, new Map([['a', { matter, sinceMs: 1, toldAtMs: 2, toldSeverity: 'warning' } as never]]));

  const second = await openLeaderFolder(dataDir, 4, fail);
  expect(alertsPlace(dataDir)).toBe(second);
  before.put(['pager'], item('two'), 0); // It wakes up: what it does now is its own.
  const after = open(second);
  expect(after.count('pager')).toBe(1);
  expect(after.due('pager', 1)?.outgoing.item).toMatchObject({ id: 'one' });
  expect((await readKnown(second)).size).toBe(1);
  expect(existsSync(first)).toBe(false);
});

it('begins with an empty outbox where the one before was caught at writing', async () => {
  const dataDir = tempDir();
  const first = await openLeaderFolder(dataDir, 1, fail);
  writeFileSync(join(first, 'alerts', 'outbox.sqlite'), 'half a page');
  const second = await openLeaderFolder(dataDir, 2, fail);
  expect(readdirSync(join(second, 'alerts'))).toEqual([]);
  expect(open(second).count('pager')).toBe(0);
});
