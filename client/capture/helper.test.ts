import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { HeardLog } from '../../base/testing/heard-log.ts';
import { askHelper, helperAccess } from './ask.ts';
import { startHelper } from './helper.ts';
import { parseHelperConfig } from './helper-config.ts';
import { testAuthority } from './testing/helper-files.ts';

it('the helper takes certificates that are renewed in place, and goes on with those it has while half of them are', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-helper-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'cgroups'));
  await writeFile(join(folder, 'cgroups/cgroup.controllers'), '');
  const before = await testAuthority(folder, 'before');
  const after = await testAuthority(folder, 'after');
  const own = await before.files('testudo-node-helper', 'server');
  const { authorityFile } = before;
  const trusted = join(folder, 'trusted.pem');
  await copyFile(authorityFile, trusted);
  const earlier = helperAccess.parse({ ...(await before.files('testudo-agent', 'client')), authorityFile: trusted });
  const later = helperAccess.parse({
    ...(await after.files('testudo-agent', 'client')),
    authorityFile: after.authorityFile,
  });

  const timers = new SimulatedTimers();
  const heard = new HeardLog();
  const settings = [
    ...[`dataDirectory=${join(folder, 'data')}`, 'listen=127.0.0.1:0', `authorityFile=${authorityFile}`],
    ...[`certificateFile=${own.certificateFile}`, `keyFile=${own.keyFile}`, `cgroups.root=${join(folder, 'cgroups')}`],
  ];
  const started = unwrap(await startHelper(unwrap(parseHelperConfig({ settings })), { log: heard.log(), timers }));
  onTestFinished(() => started.close());
  const uid = '0f8a1b2c-1111-4222-8333-444455556666';
  const answers = async (access: typeof earlier) =>
    (await askHelper({ ...access, port: started.port }, '127.0.0.1', '/thaw', { uid }, systemTimers)).ok;

  for (const path of [own.certificateFile, own.keyFile, authorityFile]) {
    const whole = await readFile(path, 'utf8');
    await writeFile(path, '');
    await timers.advance(60_000);
    await heard.said('renewed TLS files cannot be used; those before stay', ({ cause }) =>
      `${cause}`.startsWith(`${path} holds no `),
    );
    expect([await answers(earlier), await answers(later)]).toEqual([true, false]);
    await writeFile(path, whole);
  }
  heard.lines.length = 0;

  const renewed = await after.files('testudo-node-helper', 'server');
  await copyFile(renewed.keyFile, own.keyFile);
  await timers.advance(60_000);
  await heard.said('renewed TLS files cannot be used; those before stay');
  expect([await answers(earlier), await answers(later)]).toEqual([true, false]);
  await copyFile(renewed.certificateFile, own.certificateFile);
  await copyFile(after.authorityFile, authorityFile);
  await timers.advance(60_000);
  while (!(await answers(later)));
  expect(await answers(earlier)).toBe(false);
});
