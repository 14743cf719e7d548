import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { logKeyOf } from '../../client/response/rotation/rotation-log.ts';
import { logKey, madeLog } from '../../client/response/testing/made-log.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { runEach } from '../testing/command-line.ts';

it('rotation key prints the public key of a secret, and refuses what no agent would draw from', async () => {
  const folder = tempDir();
  const [secret, short] = [join(folder, 'rotation.secret'), join(folder, 'short')];
  await writeFile(secret, Buffer.alloc(32, 7));
  await writeFile(short, Buffer.alloc(31, 7));
  const [printed, refused] = await runEach([
    ['rotation', 'key', secret],
    ['rotation', 'key', short],
  ]);
  const { publicKey } = logKeyOf(Buffer.alloc(32, 7));
  expect(printed).toMatchObject({ code: 0, out: `${Buffer.from(publicKey).toString('hex')}\n` });
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused?.error).toMatch(/^ROTATION_SECRET_UNUSABLE: .*short holds 31 bytes, fewer than 32: write random ones/);
});

it('rotation verify finds nothing in a line that an agent is writing, and finds one that is whole and wrong', async () => {
  const { lines, head } = madeLog(3);
  const folder = tempDir();
  const [growing, wrong] = [join(folder, 'growing.log'), join(folder, 'wrong.log')];
  const whole = lines.map((line) => `${line}\n`).join('');
  const half = (lines[0] as string).slice(0, 40);
  await writeFile(growing, `${whole}${half}`);
  await writeFile(wrong, `${whole}${half}\n`);
  const key = Buffer.from(logKey.publicKey).toString('hex');
  const [clean, found] = await runEach([
    ['rotation', 'verify', growing, '--key', key, '--head', head],
    ['rotation', 'verify', wrong, '--key', key, '--head', head],
  ]);
  expect(clean).toMatchObject({ code: 0, error: '' });
  expect(found?.code).not.toBe(0);
});

it('rotation verify reads a log that is longer than a text may be', async () => {
  const { lines } = madeLog(3);
  const path = join(tempDir(), 'rotation.log');
  const file = await open(path, 'w');
  // Lines of which the disk keeps no more than their ends.
  const [others, bytes] = [600, 2 ** 20];
  for (let at = 1; at <= others; at++) await file.write('\n', at * bytes - 1);
  await file.write(lines.map((line) => `${line}\n`).join(''), others * bytes);
  await file.close();
  const key = Buffer.from(logKey.publicKey).toString('hex');
  const [verified] = await runEach([['rotation', 'verify', path, '--key', key, '--json']]);
  expect(verified).toMatchObject({ code: 4, error: '' });
  expect(JSON.parse(verified?.out ?? '')).toMatchObject({ lines: others + lines.length, pods: 3 });
}, 600_000);
