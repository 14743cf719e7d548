import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { NodeRig } from '../../lab/testing/node-rig.ts';
import type { BenchOptions } from '../harness/bench.ts';
import { cpuSecondsOf, residentMiB } from '../harness/process-figures.ts';
import type { Report } from '../harness/report.ts';
import { keepPiece } from './pieces.ts';
import { quantileOf } from './probe.ts';
import { recordedModel } from './recorded-model.ts';

type Installed = Readonly<{ node: string; version: number; atMs: number }>;

type Herd = ChildProcessByStdio<null, Readable, null>;

/** Processes that the sensors are dealt out to: one would be busy longer than the hub is. */
const herdsMax = 2;

/** Many sensors' hub sides in processes of their own, on one client that is a process too. */
export async function measureHub(testudo: string, { small }: Pick<BenchOptions, 'small'>, report: Report) {
  const sensors = small ? 3 : 200;
  const releases = small ? 1 : 3;
  const rig = await (small ? NodeRig.open(testudo) : NodeRig.open(testudo, await recordedModel()));
  // In memory where there is such a place: each node has a disk of its own.
  const folder = await mkdtemp(join(existsSync(memory) ? memory : rig.folder, 'testudo-herd-'));
  const herds: Herd[] = [];
  try {
    const client = await rig.startClientProcess();
    const { hub } = await rig.settings('many');
    for (let first = 0, at = 0; at < herdsMax; at++) {
      const count = Math.ceil((sensors - first) / (herdsMax - at));
      const config = join(folder, `herd-${at}.json`);
      await writeFile(config, JSON.stringify({ hub, folder, first, sensors: count }));
      herds.push(startHerd(config));
      first += count;
    }
    const installed = listen(herds);
    const startedMs = Date.now();
    const started = await installed(1, sensors);
    const firstMs = Math.max(...started.map(({ atMs }) => atMs)) - startedMs;
    const delays: number[] = [];
    let largest = residentMiB(client.pid);
    const cpu = () => {
      const ofHerds = herds.map(({ pid }) => cpuSecondsOf(pid as number));
      return { client: cpuSecondsOf(client.pid), herd: ofHerds.reduce((sum, one) => sum + one, 0) };
    };
    const spent = { client: 0, herd: 0 };
    for (let version = 2; version < 2 + releases; version++) {
      await rig.prepare(version);
      const before = cpu();
      const pushedMs = Date.now();
      rig.publish(version);
      for (const { atMs } of await installed(version, sensors)) delays.push(atMs - pushedMs);
      const after = cpu();
      spent.client += (after.client - before.client) / releases;
      spent.herd += (after.herd - before.herd) / releases;
      largest = Math.max(largest, residentMiB(client.pid));
    }
    const [p50, p99] = [quantileOf(delays, 0.5), quantileOf(delays, 0.99)];
    const timed = { firstMs, msP50: p50, msP99: p99, clientCpuSeconds: spent.client, herdCpuSeconds: spent.herd };
    const figures = { sensors, releases, ...timed, clientRssMiBMax: largest, load: loadavg()[0] as number };
    if (small) report.record({ case: 'hub', ...figures });
    else await keepPiece('hub', figures, report);
  } finally {
    for (const herd of herds) herd.kill('SIGKILL');
    await Promise.all(herds.map((herd) => herd.exitCode ?? herd.signalCode ?? once(herd, 'exit')));
    await rm(folder, { recursive: true, force: true });
    await rig.close();
  }
}

const memory = '/dev/shm';

function startHerd(config: string): Herd {
  const program = fileURLToPath(new URL('./sensor-herd.ts', import.meta.url));
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, config], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
  });
}

/** Waits until so many sensors run a version. Rejects where a process of theirs ends before. */
function listen(herds: readonly Herd[]) {
  const heard: Installed[] = [];
  let wake: () => void = () => undefined;
  for (const herd of herds) {
    let rest = '';
    herd.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      heard.push(...lines.map((line) => JSON.parse(line) as Installed));
      wake();
    });
    herd.once('exit', () => wake());
  }
  return async (version: number, count: number): Promise<readonly Installed[]> => {
    for (;;) {
      const found = heard.filter((one) => one.version === version);
      if (found.length >= count) return found;
      if (herds.some(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null)) {
        throw new Error(`a process of the sensors ended when ${found.length} of ${count} ran version ${version}`);
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}
