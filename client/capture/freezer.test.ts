import { execFileSync } from 'node:child_process';
import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { Freezer } from './freezer.ts';

/** What is read and written of a cgroup; that its processes stand still is deploy/images/node-helper.images.test.ts's. */
async function fileOfCgroup() {
  const path = tempDir();
  await writeFile(join(path, 'cgroup.freeze'), '0');
  await writeFile(join(path, 'cgroup.events'), 'populated 1\nfrozen 1\n');
  const { ino } = await stat(path, { bigint: true });
  return { pod: { uid: 'web-1', path, inode: ino }, isSet: () => readFile(join(path, 'cgroup.freeze'), 'utf8') };
}

it.each([
  ['whose deadline comes', (timers: SimulatedTimers) => timers.advance(100)],
  ['that is asked back', (_: SimulatedTimers, freezer: Freezer) => freezer.thaw('web-1')],
  ['of a helper that closes', (_: SimulatedTimers, freezer: Freezer) => freezer.close()],
])('a pod %s before its freeze was written does not stand still for ever', async (_, end) => {
  const timers = new SimulatedTimers();
  const { pod, isSet } = await fileOfCgroup();
  const thawed: string[] = [];
  const file = join(tempDir(), 'frozen.json');
  const freezer = await Freezer.open({
    file,
    timers,
    atOnceMax: 2,
    onThawed: (uid, why) => thawed.push(`${uid} ${why}`),
  });
  const freezing = freezer.freeze(pod, 100);
  while (freezer.frozen.length === 0) await new Promise(setImmediate);
  const [frozen] = await Promise.all([freezing, end(timers, freezer)]);
  expect(frozen).toMatchObject({ ok: false, fault: { code: 'FREEZE_TIMED_OUT' } });
  while (thawed.length === 0) await new Promise(setImmediate);
  expect([await isSet(), freezer.frozen, thawed.length]).toEqual(['0', [], 1]);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ frozen: [] });
});

it('a pod that is frozen anew keeps to the new deadline alone', async () => {
  const timers = new SimulatedTimers();
  const { pod, isSet } = await fileOfCgroup();
  const freezer = await Freezer.open({
    file: join(tempDir(), 'frozen.json'),
    timers,
    atOnceMax: 2,
    onThawed: () => {},
  });
  // The file of the first look is a pipe that says nothing yet, as a slow disk does; the second is asked for meanwhile.
  const { pod: slow } = await fileOfCgroup();
  const ready = join(slow.path, 'cgroup.freeze');
  await rename(ready, join(slow.path, 'kept'));
  execFileSync('mkfifo', [ready]);
  const asked = [freezer.freeze({ ...pod, path: slow.path }, 100), freezer.freeze(pod, 1_000)];
  const pipe = await open(ready, 'w');
  await rename(join(slow.path, 'kept'), ready);
  for (let turns = 0; turns < 1_000; turns++) await new Promise(setImmediate);
  await pipe.writeFile('0');
  await pipe.close();
  const both = await Promise.all(asked);
  expect(both).toEqual([1, 2].map(() => ({ ok: true, value: { isOurs: true } })));
  await timers.advance(999);
  expect([await isSet(), freezer.frozen]).toEqual(['1', ['web-1']]);
  await timers.advance(1);
  while (freezer.frozen.length > 0) await new Promise(setImmediate);
  expect(await isSet()).toBe('0');
});
