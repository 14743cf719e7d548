import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { NodeRig } from '../../lab/testing/node-rig.ts';
import type { BenchOptions } from '../harness/bench.ts';
import type { Report } from '../harness/report.ts';
import { keepPiece } from './pieces.ts';
import { cpuSecondsOf, quantileOf, residentMiB } from './probe.ts';
import { recordedModel } from './recorded-model.ts';

type Installed = Readonly<{ node: string; version: number; atMs: number }>;

/** Many sensors' hub sides in a process of their own, on one client that is a process too. */
export async function measureHub(testudo: string, { small }: Pick<BenchOptions, 'small'>, report: Report) {
  const sensors = small ? 3 : 200;
  const releases = small ? 1 : 5;
  const rig = await (small ? NodeRig.open(testudo) : NodeRig.open(testudo, await recordedModel()));
  try {
    const client = await rig.startClientProcess();
    const settings = await rig.settings('many');
    const config = join(rig.folder, 'many.json');
    await writeFile(config, JSON.stringify({ hub: settings.hub, folder: rig.folder, sensors }));
    const program = fileURLToPath(new URL('./sensor-herd.ts', import.meta.url));
    const herd = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const installed = listen(herd);
      const startedMs = Date.now();
      const first = await installed(1, sensors);
      const firstMs = Math.max(...first.map(({ atMs }) => atMs)) - startedMs;
      const delays: number[] = [];
      let largest = residentMiB(client.pid);
      const cpu = () => ({ client: cpuSecondsOf(client.pid), herd: cpuSecondsOf(herd.pid as number) });
      const before = cpu();
      for (let version = 2; version < 2 + releases; version++) {
        await rig.prepare(version);
        const pushedMs = Date.now();
        rig.publish(version);
        for (const { atMs } of await installed(version, sensors)) delays.push(atMs - pushedMs);
        largest = Math.max(largest, residentMiB(client.pid));
      }
      const [p50, p99] = [quantileOf(delays, 0.5), quantileOf(delays, 0.99)];
      const clientCpuSeconds = (cpu().client - before.client) / releases;
      const herdCpuSeconds = (cpu().herd - before.herd) / releases;
      const timed = { firstMs, msP50: p50, msP99: p99, clientCpuSeconds, herdCpuSeconds };
      const figures = { sensors, releases, ...timed, clientRssMiBMax: largest, load: loadavg()[0] as number };
      if (small) report.record({ case: 'hub', ...figures });
      else await keepPiece('hub', figures, report);
    } finally {
      herd.kill();
    }
  } finally {
    await rig.close();
  }
}

/** Waits until so many sensors run a version. Rejects where their process ends before. */
function listen(herd: ChildProcessByStdio<null, Readable, null>) {
  const heard: Installed[] = [];
  let wake: () => void = () => undefined;
  let rest = '';
  herd.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    heard.push(...lines.map((line) => JSON.parse(line) as Installed));
    wake();
  });
  herd.once('exit', () => wake());
  return async (version: number, count: number): Promise<readonly Installed[]> => {
    for (;;) {
      const found = heard.filter((one) => one.version === version);
      if (found.length >= count) return found;
      if (herd.exitCode !== null || herd.signalCode !== null) {
        throw new Error(`the sensors' process ended when ${found.length} of ${count} ran version ${version}`);
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
}
