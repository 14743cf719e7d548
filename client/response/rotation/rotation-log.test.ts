import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { canMount, mountSmallDisk } from '../../../base/testing/small-disk.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import type { Said } from './record.ts';
import { logKeyOf, RotationLog } from './rotation-log.ts';
import { verifyLog } from './verify.ts';

const secret = Buffer.alloc(32, 5);
const hourMs = 3_600_000;
const opened: Said = { kind: 'opened', law: { boundMs: hourMs, meanMs: hourMs / 2 }, epochMs: hourMs, riskWeight: 1 };
const pod = (at: number): Said => ({
  ...{ kind: 'seen', uid: `uid-${at}`, namespace: 'shop', name: `web-${at}`, createdAtMs: 1 },
});

/** A log on a disk of its own, which `fill` leaves without a free byte and `free` gives room again. */
async function onSmallDisk(context: TestContext, options: { unwrittenMax?: number } = {}) {
  const folder = join(tempDir(), 'disk');
  mkdirSync(folder);
  if (!canMount(folder)) return context.skip('mounting a tmpfs is not allowed here');
  mountSmallDisk(folder, 64);
  const file = join(folder, 'rotation.log');
  const filler = join(folder, 'filler');
  const log = await RotationLog.open(file, secret, options);
  return {
    log,
    lines: () => readFileSync(file, 'utf8').split('\n').slice(0, -1),
    fill() {
      try {
        for (let bytes = 1 << 20; bytes > 0; bytes >>= 1) writeFileSync(filler, Buffer.alloc(bytes), { flag: 'a' });
      } catch {}
      // As much as fits was written: the disk is full to its last page.
      expect(() => writeFileSync(filler, Buffer.alloc(8_192), { flag: 'a' })).toThrow(/ENOSPC/);
    },
    free: () => existsSync(filler) && rmSync(filler),
  };
}

describe('RotationLog on a disk that is full', () => {
  it('goes on when there is room again, with every line in its place, and its head is never ahead of the disk', async (context) => {
    const { log, lines, fill, free } = await onSmallDisk(context);
    await log.append([opened], 1_000);
    fill();
    const before = log.head;
    // More than a page: a part of it finds room at the end of the file.
    const many = Array.from({ length: 40 }, (_, at) => pod(at));
    await expect(log.append(many, 2_000)).rejects.toThrow(/ENOSPC/);
    await expect(log.append([pod(40)], 3_000)).rejects.toThrow(/ENOSPC/);
    expect(log.head).toBe(before);
    free();
    expect(await log.append([pod(41)], 4_000)).toBe('written');
    await log.close();
    expect(lines()).toHaveLength(43);
    expect(log.head.split(' ')[0]).toBe('43');
    expect(verifyLog(lines(), logKeyOf(secret).publicKey, log.head)).toMatchObject({ findings: [], pods: 42 });
  });

  it('forgets what waits for longer than it may, says so, and begins anew on the same chain', async (context) => {
    const { log, lines, fill, free } = await onSmallDisk(context, { unwrittenMax: 30 });
    await log.append([opened], 1_000);
    fill();
    await expect(
      log.append(
        Array.from({ length: 30 }, (_, at) => pod(at)),
        2_000,
      ),
    ).rejects.toThrow(/ENOSPC/);
    expect(
      await log.append(
        Array.from({ length: 30 }, (_, at) => pod(at)),
        2_000,
      ),
    ).toBe('lost');
    free();
    await log.append([opened, pod(50)], 5_000);
    await log.close();
    expect(verifyLog(lines(), logKeyOf(secret).publicKey, log.head)).toMatchObject({ findings: [], lines: 3, pods: 1 });
  });

  it('writes at its end what could not be written before', async (context) => {
    const { log, lines, fill, free } = await onSmallDisk(context);
    fill();
    await expect(
      log.append(
        Array.from({ length: 20 }, (_, at) => pod(at)),
        1_000,
      ),
    ).rejects.toThrow(/ENOSPC/);
    free();
    await log.close();
    expect(lines()).toHaveLength(20);
  });
});

it('goes on behind a line that is damaged, and cuts off the one that a power cut left half, to the byte', async () => {
  const file = join(tempDir(), 'rotation.log');
  const first = await RotationLog.open(file, secret);
  await first.append([opened, pod(0), pod(1)], 1_000);
  await first.close();
  const bytes = readFileSync(file);
  bytes[bytes.indexOf('web-0')] = 0xff; // No text, and three bytes long as the text that stands for it.
  writeFileSync(file, Buffer.concat([bytes, Buffer.from('{"half')]));
  const second = await RotationLog.open(file, secret);
  expect([...second.recorded.pods.keys()]).toEqual(['uid-1']);
  expect(readFileSync(file)).toEqual(bytes);
  await second.append([pod(2)], 2_000);
  await second.close();
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  const { findings } = verifyLog(lines, logKeyOf(secret).publicKey, second.head);
  // The damaged one, and the one behind it, which holds it as it was; nothing of what was written since.
  expect(findings.map(({ kind, line }) => [kind, line])).toEqual([
    ['broken', 2],
    ['broken', 3],
  ]);
});
