import { execFile, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** crun as a runtime sees a machine of cgroup v2 alone, whatever else this one has mounted. */
const alone =
  'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec crun --cgroup-manager=cgroupfs "$@"';
const crun = (...args: string[]): [string, string[]] => ['unshare', ['--mount', 'sh', '-c', alone, 'crun', ...args]];

/** A root of cgroup v2, mounted for a test. */
export async function cgroupRoot() {
  const root = await mkdtemp(join(tmpdir(), 'testudo-cgroup-'));
  await run('mount', ['-t', 'cgroup2', 'none', root]);
  return {
    root,
    async close() {
      await run('umount', [root]);
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** A container of crun's in the cgroup where a kubelet would have put it, running this Perl program. */
export async function podLike(root: string, parent: string, program: string) {
  const uid = randomUUID();
  const id = `testudo-${randomBytes(6).toString('hex')}`;
  const bundle = await mkdtemp(join(tmpdir(), 'testudo-bundle-'));
  await mkdir(join(bundle, 'rootfs'));
  const place = join(parent, 'kubepods', 'burstable', `pod${uid}`);
  const bind = (path: string) => ({ destination: path, type: 'bind', source: path, options: ['rbind', 'ro'] });
  await writeFile(
    join(bundle, 'config.json'),
    JSON.stringify({
      ociVersion: '1.0.2',
      process: {
        user: { uid: 65_534, gid: 65_534 },
        args: ['/usr/bin/perl', '-e', program],
        env: ['PATH=/usr/bin:/bin'],
        cwd: '/',
        noNewPrivileges: true,
        rlimits: [{ type: 'RLIMIT_NOFILE', soft: 8_192, hard: 8_192 }],
      },
      root: { path: 'rootfs', readonly: true },
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc' },
        { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
        ...['/usr', '/bin', '/lib', '/lib64'].map(bind),
      ],
      linux: {
        cgroupsPath: `/${place}/${id}`,
        namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })),
      },
    }),
  );
  const [file, args] = crun('run', '--bundle', bundle, id);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const path = join(root, place);
  return {
    uid,
    path,
    /** How many lines it has said. */
    lines: () => said.split('\n').length - 1,
    /** Resolves when it has said `count` lines more. */
    async says(count: number) {
      const before = said.split('\n').length;
      while (said.split('\n').length < before + count) {
        if (child.exitCode !== null) throw new Error(`${id} ended: ${said.slice(-500)}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    isFrozen: async () => /^frozen 1$/m.test(await readFile(join(path, 'cgroup.events'), 'utf8')),
    /** As the runtime does when its pod is deleted. */
    async remove() {
      await run(...crun('delete', '--force', id)).catch(() => undefined);
      await ended;
      await rm(bundle, { recursive: true, force: true });
      // Up to the root: what another pod is in still stays.
      for (let folder = path; folder.length > root.length; folder = join(folder, '..')) {
        await run('rmdir', [folder]).catch(() => undefined);
      }
    },
  };
}
