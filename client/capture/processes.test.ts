import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { Freezer } from './freezer.ts';
import { captureLimits } from './limits.ts';
import { findPodCgroup, placesOf } from './pod-cgroup.ts';
import { readProcesses } from './processes.ts';

const uid = '0f8a1b2c-1111-4222-8333-444455556666';
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-helper-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

/** Files that look like a node's, where a test wants what no kernel would show. */
async function plant(path: string, text = ''): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), text);
}

const statLine = (pid: number, name: string, ticks: number) => `${pid} (${name}) S 1 ${'0 '.repeat(17)}${ticks} 0 0\n`;

describe("a pod's cgroup", () => {
  it('is found where either driver of the kubelet makes it, for every class of service', async () => {
    for (const place of placesOf(uid, 'kubelet')) {
      await mkdir(join(folder, place), { recursive: true });
      const found = await findPodCgroup(folder, uid, 'kubelet');
      expect(found).toMatchObject({ ok: true, value: { path: join(folder, place) } });
      await rm(join(folder, 'kubelet'), { recursive: true });
    }
    expect(await findPodCgroup(folder, uid, 'kubelet')).toMatchObject({ fault: { code: 'POD_NOT_HERE' } });
  });

  it('is never sought outside the root: no uid that is a path, and no symbolic link', async () => {
    for (const bad of ['../../etc', `${uid}/..`, `${uid}\n`, '', '*']) {
      expect(await findPodCgroup(folder, bad, '')).toMatchObject({ fault: { code: 'POD_UID_MALFORMED' } });
    }
    await mkdir(join(folder, 'kubepods'));
    await mkdir(join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), join(folder, 'kubepods', `pod${uid}`));
    expect(await findPodCgroup(folder, uid, '')).toMatchObject({ fault: { code: 'CGROUP_REFUSED' } });
  });
});

describe('processes of a pod', () => {
  const pod = `cgroup/kubepods/pod${uid}`;
  const read = () =>
    readProcesses({ podPath: join(folder, pod), proc: join(folder, 'proc'), root: join(folder, 'cgroup') });

  it('leave out a pid that is another process now, or nobody, and count it', async () => {
    await plant(`${pod}/c1/cgroup.procs`, '7\n8\n9\n10\n');
    for (const [pid, cgroup] of [
      [7, `/kubepods/pod${uid}/c1`],
      [8, '/kubepods/pod-of-another/c9'], // The pid was used again.
      [10, `/../../pod${uid}/c1`], // As it looks from within a namespace of cgroups.
    ] as const) {
      await plant(`proc/${pid}/stat`, statLine(pid, `a) ${pid}`, 100 + pid));
      await plant(`proc/${pid}/cgroup`, `1:name=x:/\n0::${cgroup}\n`);
    }
    const { processes, count, changed } = await read();
    expect(processes.map(({ pid, startTicks, name }) => [pid, startTicks, name])).toEqual([
      [7, '107', 'a) 7'],
      [10, '110', 'a) 10'],
    ]);
    expect([count, changed]).toEqual([4, 2]);
  });

  it('show the sockets that each holds, from tables that are read once for the network they share', async () => {
    await plant(`${pod}/c1/cgroup.procs`, '7\n8\n9\n');
    for (const pid of [7, 8, 9]) {
      await plant(`proc/${pid}/stat`, statLine(pid, 'two\nlines', pid));
      await plant(`proc/${pid}/cgroup`, `0::/kubepods/pod${uid}/c1\n`);
      await mkdir(join(folder, `proc/${pid}/ns`));
      await symlink(pid === 9 ? 'net:[2]' : 'net:[1]', join(folder, `proc/${pid}/ns/net`));
      await mkdir(join(folder, `proc/${pid}/fd`));
      await symlink('socket:[555]', join(folder, `proc/${pid}/fd/3`));
      await symlink('socket:[555]', join(folder, `proc/${pid}/fd/4`));
    }
    const row = (port: string) => `0: 0100007F:${port} 00000000:0000 0A 0:0 0:0 0 0 0 555 1`;
    await plant('proc/7/net/tcp', `  sl local_address\n   ${row('1F90')}\n`);
    await plant('proc/8/net/tcp', `  sl local_address\n   ${row('0000')}\n`); // Nobody looks: it is the same table.
    await plant('proc/9/net/tcp', `  sl local_address\n   ${row('0050')}\n`);
    const { processes, sockets } = await read();
    expect(sockets.map(({ pid, inode, line }) => [pid, inode, line])).toEqual([
      [7, '555', row('1F90')],
      [8, '555', row('1F90')],
      [9, '555', row('0050')],
    ]);
    expect(processes.map(({ name }) => name)).toEqual(Array.from({ length: 3 }, () => 'two\\x0alines'));
  });

  it('are bounded, whatever they are called and however many files they hold, and cannot write to a terminal', async () => {
    await plant(`${pod}/c1/cgroup.procs`, Array.from({ length: 400 }, (_, at) => at + 100).join('\n'));
    for (let pid = 100; pid < 500; pid += 1) {
      await plant(`proc/${pid}/stat`, statLine(pid, 'x', pid));
      await plant(`proc/${pid}/cgroup`, `0::/kubepods/pod${uid}/c1\n`);
    }
    await plant('proc/100/cmdline', `evil\0\x1b[2J\u202e${'y'.repeat(5_000)}`);
    await plant('proc/100/maps', 'z'.repeat(1_000_000));
    await mkdir(join(folder, 'proc/100/fd'));
    for (let fd = 0; fd < 1_100; fd += 1) await symlink(`/tmp/\n${fd}`, join(folder, 'proc/100/fd', String(fd)));
    const { processes, count } = await read();
    expect([processes.length, count]).toEqual([captureLimits.processes, 400]);
    const [first] = processes;
    expect([first?.fds.length, first?.fdCount]).toEqual([captureLimits.fds, 1_100]);
    expect(first?.maps).toHaveLength(captureLimits.mapsBytes);
    expect(first?.command.length).toBeLessThanOrEqual(4 * captureLimits.textBytes);
    expect(first?.command.startsWith('evil \\x1b[2J')).toBe(true);
    expect(first?.command).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});

describe('the freezer', () => {
  const cgroup = async (name: string, events: string) => {
    await plant(`${name}/cgroup.freeze`, '0');
    await plant(`${name}/cgroup.events`, events);
    const path = join(folder, name);
    const { ino } = await (await import('node:fs/promises')).lstat(path, { bigint: true });
    return { uid: name, path, inode: ino };
  };
  const state = async (name: string) => (await readFile(join(folder, name, 'cgroup.freeze'), 'utf8')).trim();
  const thawed: string[] = [];
  const open = (atOnceMax = 2) =>
    Freezer.open({
      ...{ file: join(folder, 'frozen.json'), timers: systemTimers, atOnceMax },
      onThawed: (uid, why) => void thawed.push(`${uid} ${why}`),
    });

  it('lets go of what does not stand still, of what somebody else froze, and of more than it may hold', async () => {
    const freezer = await open();
    onTestFinished(() => freezer.close());
    expect(await freezer.freeze(await cgroup('a', 'populated 1\nfrozen 1\n'), 60_000)).toMatchObject({ ok: true });
    const restless = await freezer.freeze(await cgroup('b', 'populated 1\nfrozen 0\n'), 60_000);
    expect(restless).toMatchObject({ fault: { code: 'FREEZE_TIMED_OUT' } });
    expect(await state('b')).toBe('0');
    const paused = await cgroup('paused', 'populated 1\nfrozen 1\n');
    await plant('paused/cgroup.freeze', '1\n');
    expect(await freezer.freeze(paused, 60_000)).toEqual({ ok: true, value: { isOurs: false } });
    expect(await freezer.thaw('paused')).toBe(false);
    expect(await state('paused')).toBe('1');
    await freezer.freeze(await cgroup('c', 'frozen 1\n'), 60_000);
    expect(await freezer.freeze(await cgroup('d', 'frozen 1\n'), 60_000)).toMatchObject({
      fault: { code: 'FREEZER_FULL' },
    });
    expect(await state('d')).toBe('0');
    await freezer.close();
    expect([await state('a'), await state('c')]).toEqual(['0', '0']);
  });

  it('thaws at its next start what it had frozen, and not another cgroup of that name', async () => {
    const [mine, other] = [await cgroup('mine', ''), await cgroup('other', '')];
    for (const name of ['mine', 'other']) await plant(`${name}/cgroup.freeze`, '1');
    const frozen = [mine, { ...other, inode: other.inode + 1n }].map((one) => ({ ...one, inode: String(one.inode) }));
    await plant('frozen.json', JSON.stringify({ frozen }));
    thawed.length = 0;
    const freezer = await open();
    onTestFinished(() => freezer.close());
    expect([await state('mine'), await state('other'), thawed]).toEqual(['0', '1', ['mine restart']]);
    await plant('frozen.json', '{"frozen":');
    await expect(open()).rejects.toThrow();
  });

  it('forgets nothing that it could not thaw, and thaws it a little later', async () => {
    const timers = new SimulatedTimers();
    const again = Promise.withResolvers<string>();
    const file = join(folder, 'frozen.json');
    const parts = {
      file,
      timers,
      atOnceMax: 2,
      onThawed: (uid: string, why: string) => again.resolve(`${uid} ${why}`),
    };
    const stuck = await cgroup('stuck', 'frozen 1\n');
    const left = [{ ...stuck, inode: String(stuck.inode) }];
    await plant('frozen.json', JSON.stringify({ frozen: left }));
    // What no write comes to.
    await rm(join(folder, 'stuck/cgroup.freeze'));
    await mkdir(join(folder, 'stuck/cgroup.freeze'));
    const freezer = await Freezer.open(parts);
    onTestFinished(() => freezer.close());
    expect([freezer.frozen, JSON.parse(await readFile(file, 'utf8'))]).toEqual([['stuck'], { frozen: left }]);
    expect(await freezer.thaw('stuck')).toBe(false);
    await rm(join(folder, 'stuck/cgroup.freeze'), { recursive: true });
    await plant('stuck/cgroup.freeze', '1');
    await timers.advance(1_000);
    expect([await again.promise, await state('stuck'), freezer.frozen]).toEqual(['stuck asked', '0', []]);
  });

  it('thaws every pod at its end though its book cannot be written any more', async () => {
    const freezer = await open();
    for (const name of ['a', 'b']) await freezer.freeze(await cgroup(name, 'frozen 1\n'), 60_000);
    await rm(join(folder, 'frozen.json'));
    await plant('frozen.json/in-the-way');
    await freezer.close();
    expect([await state('a'), await state('b'), freezer.frozen]).toEqual(['0', '0', []]);
  });

  it('keeps the deadline of a pod that is frozen anew while it is being thawed', async () => {
    const freezer = await open();
    onTestFinished(() => freezer.close());
    const pod = await cgroup('a', 'frozen 1\n');
    await freezer.freeze(pod, 60_000);
    const [, anew] = await Promise.all([freezer.thaw('a'), freezer.freeze(pod, 60_000)]);
    expect([anew, freezer.frozen]).toEqual([{ ok: true, value: { isOurs: true } }, ['a']]);
  });
});
