import type { ImageConfig } from '../oci/media-types.ts';

/** A folder of this machine that a container sees. */
export type Bind = Readonly<{ from: string; to: string; readOnly?: boolean }>;

export type RunOptions = Readonly<{
  id: string;
  rootfs: string;
  args: readonly string[];
  binds: readonly Bind[];
  memoryBytes: number;
  /** A network namespace's path. Without one the container has one of its own, with nothing in it. */
  network?: string | undefined;
  env?: readonly string[];
}>;

/**
 * What an ordinary runtime makes of an image under Kubernetes' `restricted`: read-only root, no capability, no new privileges,
 * a memory limit, an empty /tmp in memory (OCI runtime specification 1.0).
 */
export function runtimeSpec(image: ImageConfig['config'], options: RunOptions) {
  const { id, rootfs, args, binds, memoryBytes, network, env = [] } = options;
  const [uid, gid] = image.User.split(':').map(Number);
  const none = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] };
  const namespaces = ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type }));
  return {
    ociVersion: '1.0.0',
    process: {
      terminal: false,
      user: { uid, gid },
      args: [...image.Entrypoint, ...args],
      env: [...image.Env, ...env],
      cwd: image.WorkingDir,
      capabilities: none,
      noNewPrivileges: true,
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 4_096, soft: 4_096 }],
    },
    root: { path: rootfs, readonly: true },
    hostname: id,
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777', 'size=64m'] },
      ...binds.map(({ from, to, readOnly = false }) => ({
        destination: to,
        type: 'bind',
        source: from,
        options: ['rbind', 'nosuid', 'nodev', readOnly ? 'ro' : 'rw'],
      })),
    ],
    linux: {
      cgroupsPath: `/testudo/${id}`,
      resources: { memory: { limit: memoryBytes }, pids: { limit: 256 } },
      namespaces: [...namespaces, network === undefined ? { type: 'network' } : { type: 'network', path: network }],
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/sched_debug', '/sys/firmware'],
      readonlyPaths: ['/proc/asound', '/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      seccomp: seccompFilter,
    },
  };
}

/** What no program of ours asks of a kernel, refused as containerd's default profile does: a few of its names suffice here. */
const seccompFilter = {
  defaultAction: 'SCMP_ACT_ALLOW',
  architectures: ['SCMP_ARCH_X86_64'],
  syscalls: [
    {
      names: [
        'mount',
        'umount2',
        'ptrace',
        'bpf',
        'kexec_load',
        'init_module',
        'finit_module',
        'setns',
        'unshare',
        'reboot',
      ],
      action: 'SCMP_ACT_ERRNO',
    },
  ],
};
