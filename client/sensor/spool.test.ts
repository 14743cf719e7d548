import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { canMount, mountSmallDisk } from '../../base/testing/small-disk.ts';
import { recordKey } from '../storage/sealed-record.ts';
import { Spool, type WriteRecord } from './spool.ts';

const key = recordKey(Buffer.alloc(32, 7), 'spool');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-spool-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function open(bytesMax = 1 << 20, write?: WriteRecord): Promise<Spool> {
  let now = 1_000;
  return Spool.open(folder, key, { bytesMax, now: () => now++, ...(write === undefined ? {} : { write }) });
}

/** Everything that waits, in the order in which it is told, taken out. */
async function drain(spool: Spool): Promise<string[]> {
  const told: string[] = [];
  for (let next = spool.next(); next !== undefined; next = spool.next()) {
    const bytes = await spool.read(next);
    if (bytes !== undefined) told.push(Buffer.from(bytes).toString().trim());
    await spool.remove(next);
  }
  return told;
}

describe('Spool', () => {
  it('tells alerts first, each class oldest first, and forgets nothing over a restart', async () => {
    const first = await open();
    for (const text of ['o1', 'o2']) await first.put('ordinary', Buffer.from(text));
    for (const text of ['a1', 'a2']) await first.put('alert', Buffer.from(text));
    const again = await open();
    await again.put('alert', Buffer.from('a3'));
    expect(again.counts()).toMatchObject({ records: 5, ordinaryDropped: 0, alertsDropped: 0 });
    expect(await drain(again)).toEqual(['a1', 'a2', 'a3', 'o1', 'o2']);
    expect(await readdir(folder)).toEqual([]);
    expect(again.counts()).toMatchObject({ bytes: 0, records: 0 });
  });

  it('gives up ordinary records for alerts and newer ones, oldest first, and counts them', async () => {
    const bytes = (text: string) => Buffer.from(text.padEnd(1_000));
    const spool = await open(4_300);
    for (const text of ['o1', 'o2', 'o3', 'o4', 'o5']) await spool.put('ordinary', bytes(text));
    expect(spool.counts().ordinaryDropped).toBe(1);
    for (const text of ['a1', 'a2', 'a3']) expect((await spool.put('alert', bytes(text))).ok).toBe(true);
    expect(spool.counts().ordinaryDropped).toBe(4);
    await spool.put('alert', bytes('a4'));
    const refused = await spool.put('alert', bytes('a5'));
    expect(refused).toMatchObject({ ok: false, fault: { code: 'SPOOL_FULL' } });
    expect(spool.counts()).toMatchObject({ ordinaryDropped: 5, alertsDropped: 1 });
    expect(await drain(spool)).toEqual(['a1', 'a2', 'a3', 'a4']);
  });

  it('loses no alert to a full disk while there are ordinary records to give up, and holds it in memory after that', async () => {
    const full = () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    let room = 3;
    const write: WriteRecord = async (path, bytes) => {
      const files = (await readdir(folder)).length;
      if (files >= room) return await full();
      await writeFile(path, bytes);
    };
    const spool = await open(1 << 20, write);
    for (const text of ['o1', 'o2', 'o3', 'o4']) await spool.put('ordinary', Buffer.from(text));
    expect(spool.counts()).toMatchObject({ ordinaryDropped: 1, records: 3 });
    expect((await spool.put('alert', Buffer.from('a1'))).ok).toBe(true);
    expect(spool.counts()).toMatchObject({ ordinaryDropped: 2, alertsDropped: 0 });
    room = 0;
    expect(await spool.put('alert', Buffer.from('a2'))).toMatchObject({ fault: { code: 'SPOOL_UNWRITABLE' } });
    expect(spool.counts()).toMatchObject({ ordinaryDropped: 4, alertsDropped: 0 });
    expect(await drain(spool)).toEqual(['a1', 'a2']);
  });

  it('keeps every alert on a disk that is really full: ordinary records go first, then memory holds them, and room mends it', async (context) => {
    if (!canMount(folder)) return context.skip('mounting a tmpfs is not allowed here');
    const disk = await mkdtemp(join(tmpdir(), 'testudo-disk-'));
    onTestFinished(() => rm(disk, { recursive: true })); // After it was unmounted.
    mountSmallDisk(disk, 256);
    const openThere = () => Spool.open(disk, key, { bytesMax: 1 << 20, now: Date.now });
    const spool = await openThere();
    const bytes = (text: string) => Buffer.from(text.padEnd(16_000));
    // Sixteen of them fill it: the disk ends long before the spool's own bound.
    for (let at = 0; at < 20; at++) await spool.put('ordinary', bytes(`o${at}`));
    const before = spool.counts();
    expect(before.ordinaryDropped).toBeGreaterThan(0);
    const alerts = Array.from({ length: 20 }, (_, at) => `a${String(at).padStart(2, '0')}`);
    const put = [];
    for (const text of alerts) put.push(await spool.put('alert', bytes(text)));
    expect(put.slice(0, 10).every(({ ok }) => ok)).toBe(true);
    expect(put.at(-1)).toMatchObject({ fault: { code: 'SPOOL_UNWRITABLE' } });
    expect(put.at(-1)).toMatchObject({ fault: { message: expect.stringContaining('ENOSPC') } });
    expect(spool.counts()).toMatchObject({ ordinaryDropped: 20, alertsDropped: 0, records: 20 });
    // A sensor that is started again finds whole records alone: a write that the disk cut short left none.
    const again = await openThere();
    expect(again.counts().records).toBe(put.filter(({ ok }) => ok).length);
    expect((await drain(spool)).sort()).toEqual(alerts);
    expect(await readdir(disk)).toEqual([]);
    expect((await spool.put('ordinary', bytes('o'))).ok).toBe(true);
  });

  it('gives up no ordinary record where the disk fails and room is not what it lacks', async () => {
    let isSound = true;
    const write: WriteRecord = async (path, bytes) => {
      if (!isSound) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
      await writeFile(path, bytes);
    };
    const spool = await open(1 << 20, write);
    for (const text of ['o1', 'o2']) await spool.put('ordinary', Buffer.from(text));
    isSound = false;
    expect(await spool.put('alert', Buffer.from('a1'))).toMatchObject({ fault: { code: 'SPOOL_UNWRITABLE' } });
    expect(spool.counts()).toMatchObject({ records: 3, ordinaryDropped: 0, alertsDropped: 0 });
    expect(await drain(spool)).toEqual(['a1', 'o1', 'o2']);
  });

  it('holds an alert in memory where its full spool lies on a disk that became one to read alone', async (context) => {
    const disk = await mkdtemp(join(tmpdir(), 'testudo-disk-'));
    onTestFinished(() => rm(disk, { recursive: true })); // After it was unmounted.
    if (!canMount(disk)) return context.skip('mounting a tmpfs is not allowed here');
    mountSmallDisk(disk, 256);
    const spool = await Spool.open(disk, key, { bytesMax: 4_096, now: Date.now });
    for (let at = 0; at < 3; at++) await spool.put('ordinary', Buffer.alloc(1_200));
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    expect(await spool.put('alert', Buffer.from('a1'.padEnd(2_000)))).toMatchObject({
      fault: { code: 'SPOOL_UNWRITABLE', message: expect.stringContaining('EROFS') },
    });
    expect(spool.counts()).toMatchObject({ alertsDropped: 0 });
    const next = spool.next();
    expect(
      next &&
        Buffer.from((await spool.read(next)) ?? [])
          .toString()
          .trim(),
    ).toBe('a1');
  });

  it('passes over what was altered on disk', async () => {
    const spool = await open();
    await spool.put('alert', Buffer.from('a1'));
    await spool.put('alert', Buffer.from('a2'));
    const [file = ''] = (await readdir(folder)).sort();
    await writeFile(join(folder, file), Buffer.alloc(64));
    expect(await drain(spool)).toEqual(['a2']);
  });
});
