import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import { makeFolder } from '../../base/atomic-file.ts';
import { lastLines, type Member, pauseWhileRunning, startMember } from './member.ts';

export type Addresses = Readonly<{ enrolment: string; federation: string; health: string; dashboard?: string }>;

export type CoordinatorProcess = Readonly<{ member: Member; addresses: Addresses }>;

/** Ports of loopback that the kernel chooses: the coordinator says which. */
export const listenAnywhere: Addresses = {
  enrolment: '127.0.0.1:0',
  federation: '127.0.0.1:0',
  health: '127.0.0.1:0',
};

/**
 * `testudo coordinator init FOLDER`, as an operator would type it, with `settings` in the place of those that it wrote.
 * `testudo`: the command's program; `words`: more of what is typed. Resolves to the federation's name; throws what it said
 * when it fails.
 */
export async function foundCoordinator(
  testudo: string,
  folder: string,
  settings: object,
  words: readonly string[] = [],
): Promise<string> {
  makeFolder(folder);
  const args = [testudo, 'coordinator', 'init', folder, '--server-name', '127.0.0.1', ...words];
  const init = await startMember({ name: 'init', args, logFile: `${folder}-init.log` });
  await init.exited;
  const path = join(folder, 'coordinator.yaml');
  const written = init.exitCode() === 0 ? await readFile(path, 'utf8') : undefined;
  if (written === undefined) throw new Error(`the coordinator could not be set up:\n${await lastLines(init)}`);
  const founded = parseYaml(written) as Readonly<{ federation: string }>;
  await writeFile(path, stringifyYaml({ ...founded, ...settings }));
  return founded.federation;
}

export type CoordinatorStart = Readonly<{
  /** The command's program. */
  testudo: string;
  /** `relay` for a region, `door` for what stands in front of one; `coordinator` unless given. */
  verb?: 'coordinator' | 'relay' | 'door';
  /** The configuration's path. */
  config: string;
  /** More of what is typed. */
  words?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Appended to. Needs the log level info or finer: the line that says "ready" says where. */
  logFile: string;
  /** It outlives this process. */
  stays?: boolean;
  /** Told as soon as there is a process, before it is ready. */
  onStarted?: (pid: number) => Promise<void>;
  /** Aborted while it is waited for, it is ended, and the reason is thrown. */
  signal?: AbortSignal;
}>;

/** Starts `testudo coordinator` and waits until it is ready. Throws what it said last when it ends before. */
export async function startCoordinatorProcess(start: CoordinatorStart): Promise<CoordinatorProcess> {
  const {
    testudo,
    verb = 'coordinator',
    config,
    words = [],
    env = {},
    logFile,
    stays = false,
    onStarted,
    signal,
  } = start;
  const before = await stat(logFile).catch(() => undefined);
  const args = [testudo, verb, '--config', config, ...words];
  const member = await startMember({ name: verb, args, env, logFile, stays });
  try {
    await onStarted?.(member.pid);
    for (;;) {
      signal?.throwIfAborted();
      const addresses = readyIn((await readFile(logFile)).subarray(before?.size ?? 0).toString('utf8'));
      if (addresses !== undefined) return { member, addresses };
      await pauseWhileRunning([member], lookMs);
    }
  } catch (error) {
    await member.stop();
    throw error;
  }
}

/** Short: benchmarks measure how long a start takes. */
const lookMs = 5;

/** Where a coordinator listens, as its log says once it is ready. */
function readyIn(log: string): Addresses | undefined {
  const whole = log.slice(0, log.lastIndexOf('\n') + 1);
  const entries = whole.split('\n').filter((line) => line.startsWith('{'));
  const ready = entries
    .map((line) => JSON.parse(line) as Readonly<{ msg?: string; addresses?: Addresses }>)
    .find(({ msg }) => msg === 'coordinator ready' || msg === 'door ready');
  return ready?.addresses;
}
