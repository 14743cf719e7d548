import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { canMount, fillDisk, mountSmallDisk } from '../../../base/testing/small-disk.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { runTestudo } from '../../testing/command-line.ts';

it('coordinator init --listen writes where it listens, so that nobody edits a file for it', async () => {
  const folder = tempDir();
  const names = ['--server-name', 'herd.example'];
  const [made, without, tooHigh] = await Promise.all([
    runTestudo('coordinator', 'init', folder, '--listen', '127.0.0.9:9441', ...names),
    runTestudo('coordinator', 'init', join(folder, 'other'), '--listen', 'herd.example'),
    runTestudo('coordinator', 'init', join(folder, 'other'), '--listen', '127.0.0.1:65535'),
  ]);
  expect(made).toMatchObject({ code: 0, error: '' });
  expect(parse(readFileSync(join(folder, 'coordinator.yaml'), 'utf8')).listen).toEqual({
    ...{ enrolment: '127.0.0.9:9441', federation: '127.0.0.9:9442' },
    ...{ health: '127.0.0.1:9443', dashboard: '127.0.0.1:9445' },
  });
  expect(JSON.parse(readFileSync(join(folder, 'operator.json'), 'utf8'))).toMatchObject({
    ...{ address: 'herd.example:9442', enrolAddress: 'herd.example:9441' },
  });
  const none = await runTestudo('coordinator', 'init', join(folder, 'other'), '--listen', '127.0.0.1:0');
  expect(none).toMatchObject({
    code: 2,
    error: expect.stringContaining('it cannot be 0; name one from 1 to 65531, such as 7441'),
  });
  expect(existsSync(join(folder, 'other'))).toBe(false);
  for (const refused of [without, tooHigh]) {
    expect(refused).toMatchObject({
      code: 2,
      error: expect.stringContaining('--listen: expected an address and a port'),
    });
  }
});

it('coordinator init says of a configuration that leaves its ports to the kernel that its credentials reach nothing', async () => {
  const folder = join(tempDir(), 'herd');
  mkdirSync(folder);
  writeFileSync(join(folder, 'master.key'), 'a master key for tests alone\n', { mode: 0o600 });
  const places = ['enrolment', 'federation', 'health', 'dashboard'].map((name) => `${name}: "127.0.0.1:0"`).join(', ');
  const config = `federation: herd\ndataDirectory: ./data\nmasterKey: { file: ./master.key }\nserverNames: [herd.example]\nlisten: { ${places} }\n`;
  writeFileSync(join(folder, 'coordinator.yaml'), config, { mode: 0o600 });
  expect(await runTestudo('coordinator', 'init', folder)).toMatchObject({
    code: 0,
    error: expect.stringContaining('leaves its ports to the kernel (port 0)'),
  });
});

it('coordinator init goes on where a full disk ended it, wherever that was, and leaves no file empty', async (context) => {
  const disk = join(tempDir(), 'disk');
  mkdirSync(disk);
  if (!canMount(disk)) return context.skip('mounting a tmpfs is not allowed here');
  mountSmallDisk(disk, 40 * 1024);
  const ballast = join(disk, 'ballast');
  for (const roomKiB of [0, 4, 32, 48, 80, 160, 400, 5_200, 10_500]) {
    const folder = join(disk, `with-${roomKiB}`);
    const init = () => runTestudo('coordinator', 'init', folder, '--server-name', 'herd.example', '--classes', 'nginx');
    fillDisk(ballast);
    truncateSync(ballast, Math.max(0, statSync(ballast).size - roomKiB * 1024));
    expect(await init(), `${roomKiB} KiB`).toMatchObject({ code: 1, error: expect.stringMatching(/^[A-Z_]+: /) });
    const left = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
    const made = left.filter((one) => one.isFile() && !one.parentPath.startsWith(join(folder, 'data')));
    const empty = made.filter((one) => statSync(join(one.parentPath, one.name)).size === 0);
    expect(empty.map(({ name }) => name)).toEqual([]);
    rmSync(ballast);
    const again = await init();
    expect(again, `${roomKiB} KiB: ${again.error}`).toMatchObject({ code: 0 });
    rmSync(folder, { recursive: true });
  }
}, 600_000);
