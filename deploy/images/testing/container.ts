import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BuiltImage } from '../build.ts';
import { configOf } from '../config.ts';
import { imageUser } from '../layers/base-layer.ts';
import type { ImageConfig } from '../oci/media-types.ts';
import { type Bind, type RunOptions, runtimeSpec } from './runtime-spec.ts';
import { mountRoot } from './unpacked.ts';

const run = promisify(execFile);

/** crun refuses machines with both kinds of cgroups when the second has a controller: it then sees only the first. */
const aside = 'umount /sys/fs/cgroup/unified; exec crun --cgroup-manager=cgroupfs "$@"';
const isHybrid = existsSync('/sys/fs/cgroup/unified/cgroup.controllers');

function crun(args: readonly string[]): [string, string[]] {
  if (!isHybrid) return ['crun', ['--cgroup-manager=cgroupfs', ...args]];
  return ['unshare', ['--mount', 'sh', '-c', aside, 'crun', ...args]];
}

export type Ended = Readonly<{ code: number | null; stdout: string; stderr: string }>;

/** A container that runs, or ran. */
export type Container = Readonly<{
  id: string;
  /** Resolves when its program has ended. */
  ended: Promise<Ended>;
  /** All it said so far. */
  output(): string;
  /** Resolves when its output matches; rejects when it ends before. */
  says(what: RegExp): Promise<void>;
  /** Runs the command line inside it, as the same user. */
  testudo(args: readonly string[]): Promise<Ended>;
  /** A signal to its program, and its end. */
  stop(signal?: 'TERM' | 'KILL'): Promise<Ended>;
}>;

/** Containers, and what is mounted for them. `close()` ends and removes all of it, containers by their ids. */
export class ContainerHost {
  readonly #roots: Awaited<ReturnType<typeof mountRoot>>[] = [];
  readonly #running = new Map<string, ChildProcess>();
  readonly #folders: string[] = [];
  readonly #containers: Container[] = [];

  /** A folder that images' user owns, to be bound into containers. */
  async data(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-data-'));
    this.#folders.push(folder);
    await chown(folder, imageUser, imageUser);
    return folder;
  }

  /** Starts an image with these arguments for its program; with its own command where there are none. */
  async start(
    image: BuiltImage,
    args: readonly string[] | undefined,
    options: Readonly<{
      binds?: readonly Bind[];
      memoryMiB?: number;
      network?: string;
      program?: readonly string[];
    }> = {},
  ): Promise<Container> {
    const { binds = [], memoryMiB = 512, network, program } = options;
    const root = await mountRoot(image);
    this.#roots.push(root);
    const id = `testudo-${randomBytes(6).toString('hex')}`;
    const bundle = await mkdtemp(join(tmpdir(), 'testudo-bundle-'));
    this.#folders.push(bundle);
    const config = configOf(image.spec, image.version);
    const chosen: RunOptions = {
      id,
      rootfs: root.path,
      args: args ?? config.Cmd ?? [],
      binds,
      memoryBytes: memoryMiB * 2 ** 20,
      network,
    };
    const spec = runtimeSpec(program === undefined ? config : { ...config, Entrypoint: program }, chosen);
    await mkdir(bundle, { recursive: true });
    await writeFile(join(bundle, 'config.json'), JSON.stringify(spec));
    const [file, all] = crun(['run', '--bundle', bundle, id]);
    const child = spawn(file, all, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running.set(id, child);
    const container = containerOf(id, child, config);
    this.#containers.push(container);
    return container;
  }

  /** What every container said last, for a message about what went wrong. */
  lastWords(lines = 15): string {
    const of = ({ id, output }: Container) => `${id}:\n${output().trimEnd().split('\n').slice(-lines).join('\n')}`;
    return this.#containers.map(of).join('\n\n');
  }

  /** May be called twice. */
  async close(): Promise<void> {
    for (const [id, child] of this.#running) {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        await run(...crun(['delete', '--force', id])).catch(() => child.kill('SIGKILL'));
        await ended;
      }
      this.#running.delete(id);
    }
    for (const root of this.#roots.splice(0)) await root.close();
    for (const folder of this.#folders.splice(0)) await rm(folder, { recursive: true, force: true });
  }
}

function containerOf(id: string, child: ChildProcess, config: ImageConfig['config']): Container {
  const { Entrypoint: entrypoint, User: user } = config;
  const said = { stdout: '', stderr: '' };
  let heard = () => {};
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      heard();
    });
  }
  const ended = once(child, 'close').then(([code]): Ended => {
    heard();
    return { code: code as number | null, ...said };
  });
  const output = () => `${said.stdout}${said.stderr}`;
  return {
    id,
    ended,
    output,
    says: async (what) => {
      while (!what.test(output())) {
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`${id} ended with ${child.exitCode} before it said ${what}:\n${output()}`);
        }
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
    },
    testudo: (args) => endOf(...crun(['exec', '--user', user, id, ...entrypoint, ...args])),
    stop: async (signal = 'TERM') => {
      await run(...crun(['kill', id, signal]));
      return await ended;
    },
  };
}

async function endOf(file: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code: code as number | null, ...said };
}
