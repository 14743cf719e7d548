import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { placesIn, readState, writeState } from './standing-state.ts';

it('goes on from what a newer build remembered, and keeps what it does not know', async () => {
  const folder = tempDir();
  const newer = {
    version: 1,
    federation: 'herd',
    clusters: [{ name: 'c01', sources: [], ends: true, zone: 'a' }],
    addresses: { enrolment: '127.0.0.1:1', federation: '127.0.0.1:2', health: '127.0.0.1:3', metrics: '127.0.0.1:4' },
    processes: [{ name: 'c01', pid: 1, mark: 'x', build: '9' }],
    relays: [],
  };
  await writeFile(placesIn(folder).state, JSON.stringify(newer));
  const read = unwrap(await readState(folder)) ?? expect.fail('nothing was read');
  await writeState(folder, { ...read, federation: 'flock' });
  expect(JSON.parse(await readFile(placesIn(folder).state, 'utf8'))).toEqual({ ...newer, federation: 'flock' });
});
