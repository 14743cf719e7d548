import { createHash } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { captureLimits } from './limits.ts';
import { linkText, numbersIn, readBounded, readLine, readText } from './proc-files.ts';

/** One process as it stood. Texts are the pod's own words, and worth no more than that. */
export type ProcessState = Readonly<{
  pid: number;
  /** Below the pod's cgroup: its container. */
  cgroup: string;
  parentPid: number;
  /** Since boot, in clock ticks: with the pid it names one process and no other. */
  startTicks: string;
  name: string;
  command: string;
  executable: Readonly<{ path: string; digest: string | null; bytes: number }>;
  folder: string;
  root: string;
  uid: string;
  maps: string;
  mapsCut: boolean;
  fds: readonly Readonly<{ fd: number; to: string }>[];
  /** How many there are; the limit of those that are looked at stands for more. */
  fdCount: number;
}>;

export type Socket = Readonly<{ protocol: string; inode: string; pid: number; line: string }>;

/** `changed`: processes that ended, left the pod or were not the same afterwards, so that what was read is of nobody. */
export type Processes = Readonly<{
  processes: readonly ProcessState[];
  sockets: readonly Socket[];
  count: number;
  changed: number;
}>;

/** `proc`: the node's own, with the pids that cgroups name. `root`: of the cgroups; `podPath`: the pod's below it. */
export type Places = Readonly<{ podPath: string; proc: string; root: string }>;

/** Every process below a pod's cgroup. */
export async function readProcesses(places: Places): Promise<Processes> {
  const { podPath, proc } = places;
  const pids = await pidsBelow(podPath);
  const executables = new Map<string, Promise<string | null>>();
  const processes: ProcessState[] = [];
  const networks = new Map<string, Holders>();
  let changed = 0;
  for (const [pid, cgroup] of [...pids].slice(0, captureLimits.processes)) {
    const one = await readProcess(proc, pid, relative(podPath, cgroup), executables);
    // A pid may have gone to another process between two reads: the same start and cgroup before and after say that it did not.
    const isSame = one !== undefined && (await startOf(proc, pid))?.startTicks === one.startTicks;
    if (!isSame || !(await isIn(proc, pid, cgroup, places))) {
      changed += 1;
      continue;
    }
    processes.push(one);
    const network = await linkText(join(proc, String(pid), 'ns', 'net'));
    const holders = networks.get(network) ?? new Map<string, number[]>();
    networks.set(network, holders);
    for (const inode of new Set(one.fds.flatMap(({ to }) => /^socket:\[(\d+)\]$/.exec(to)?.[1] ?? [])))
      holders.set(inode, [...(holders.get(inode) ?? []), pid]);
  }
  const sockets: Socket[] = [];
  for (const holders of networks.values())
    sockets.push(...(await socketsOf(proc, holders, captureLimits.sockets - sockets.length)));
  return { processes, sockets, count: pids.size, changed };
}

async function pidsBelow(podPath: string): Promise<ReadonlyMap<number, string>> {
  const pids = new Map<number, string>();
  const folders = [podPath];
  for (let at = 0; at < folders.length && at < captureLimits.cgroups; at += 1) {
    const folder = folders[at] as string;
    const text = (await readBounded(join(folder, 'cgroup.procs'), 1 << 20))?.toString('latin1') ?? '';
    for (const line of text.split('\n')) {
      const pid = Number(line);
      if (Number.isInteger(pid) && pid > 0) pids.set(pid, folder);
    }
    const inside = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []);
    for (const entry of inside) if (entry.isDirectory()) folders.push(join(folder, entry.name));
  }
  return pids;
}

/** Fields of `stat`, after the name, which may hold anything. */
async function startOf(proc: string, pid: number) {
  const text = await readLine(join(proc, String(pid), 'stat'), 4_096);
  const end = text.lastIndexOf(') ');
  if (end === -1) return undefined;
  const fields = text.slice(end + 2).split(' ');
  const name = text.slice(text.indexOf('(') + 1, end);
  return { name, parentPid: Number(fields[1]), startTicks: fields[19] ?? '' };
}

/**
 * Whether a process is in this cgroup of the pod. The kernel names cgroups from the reader's own namespace on: where that is not
 * the node's, the way up comes first, and what both have in common is left out.
 */
async function isIn(proc: string, pid: number, cgroup: string, { root, podPath }: Places): Promise<boolean> {
  const text = (await readText(join(proc, String(pid), 'cgroup'), 65_536)) ?? '';
  const own = text.split('\n').find((line) => line.startsWith('0::')) ?? '';
  const seen = own.slice(3).replace(/^(?:\/\.\.)+/, '');
  const whole = `/${relative(root, cgroup)}`;
  return seen === whole || (whole.endsWith(seen) && seen.includes(basename(podPath)));
}

async function readProcess(
  proc: string,
  pid: number,
  cgroup: string,
  executables: Map<string, Promise<string | null>>,
): Promise<ProcessState | undefined> {
  const at = (name: string) => join(proc, String(pid), name);
  const start = await startOf(proc, pid);
  if (start === undefined) return undefined;
  const { textBytes, mapsBytes, fds: fdsMax, fdsSeen } = captureLimits;
  const maps = (await readText(at('maps'), mapsBytes)) ?? '';
  const { names, count } = await numbersIn(at('fd'), fdsSeen);
  const seen = await Promise.all(names.map(async (fd) => ({ fd, to: await linkText(at(`fd/${fd}`)) })));
  // Sockets and memory first: nobody hides one behind a thousand open files.
  const rank = ({ to }: (typeof seen)[number]) => (/^(?:socket:|\/memfd:)/.test(to) ? 0 : 1);
  const fds = seen.toSorted((one, other) => rank(one) - rank(other) || one.fd - other.fd).slice(0, fdsMax);
  const status = (await readText(at('status'), 16_384)) ?? '';
  return {
    ...{ pid, cgroup, ...start },
    command: (await readLine(at('cmdline'), textBytes)).trimEnd(),
    executable: await executableOf(at('exe'), executables),
    folder: await linkText(at('cwd')),
    root: await linkText(at('root')),
    uid: /^Uid:\s+(\d+)/m.exec(status)?.[1] ?? '',
    maps,
    mapsCut: Buffer.byteLength(maps) >= mapsBytes,
    fds,
    fdCount: count,
  };
}

/** Through the process's own link, which the kernel resolves: also a file that was deleted, and never another of that path. */
async function executableOf(
  path: string,
  known: Map<string, Promise<string | null>>,
): Promise<ProcessState['executable']> {
  const link = await linkText(path);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return { path: link, digest: null, bytes: 0 };
  const key = `${found.dev}:${found.ino}`;
  const isRoom = known.has(key) || known.size < captureLimits.executables;
  if (!isRoom || found.size > captureLimits.executableBytes) return { path: link, digest: null, bytes: found.size };
  const digest = known.get(key) ?? digestOfFile(path);
  known.set(key, digest);
  return { path: link, digest: await digest, bytes: found.size };
}

async function digestOfFile(path: string): Promise<string | null> {
  const file = await open(path, constants.O_RDONLY).catch(() => undefined);
  if (file === undefined) return null;
  try {
    const hash = createHash('sha256');
    let left: number = captureLimits.executableBytes;
    for (; left > 0; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(262_144));
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      left -= bytesRead;
    }
    return left > 0 ? `sha256:${hash.digest('hex')}` : null;
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

const tables = ['tcp', 'tcp6', 'udp', 'udp6', 'unix'] as const;

/** Of one network namespace: which processes hold the socket of an inode. */
type Holders = Map<string, number[]>;

/**
 * Lines of a network namespace's tables, one for each process that holds the socket; at most `max`. The tables are read once,
 * through a process that holds one: they are long, and the pod stands still meanwhile.
 */
async function socketsOf(proc: string, holders: Holders, max: number): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  const readers = new Set([...holders.values()].flat());
  for (const protocol of readers.size === 0 ? [] : tables) {
    for (const row of (await tableOf(proc, readers, protocol)).split('\n').slice(1)) {
      const line = row.trim();
      const inode = line.split(/\s+/)[protocol === 'unix' ? 6 : 9] ?? '';
      for (const pid of holders.get(inode) ?? []) {
        if (sockets.length >= max) return sockets;
        sockets.push({ protocol, inode, pid, line: line.slice(0, captureLimits.textBytes) });
      }
    }
  }
  return sockets;
}

/** Through the first process that is still there. */
async function tableOf(proc: string, readers: Iterable<number>, protocol: string): Promise<string> {
  for (const pid of readers) {
    const text = await readText(join(proc, String(pid), 'net', protocol), captureLimits.socketTableBytes);
    if (text !== undefined) return text;
  }
  return '';
}
