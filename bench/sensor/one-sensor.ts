import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Member } from '../../lab/rig/member.ts';
import { NodeRig } from '../../lab/testing/node-rig.ts';
import type { BenchOptions } from '../harness/bench.ts';
import { runChild } from '../harness/child.ts';
import { residentMiB } from '../harness/process-figures.ts';
import type { Report } from '../harness/report.ts';
import { bars } from './page.ts';
import { keepPiece } from './pieces.ts';
import { Feed, metricOf, quantileOf, type Used, useOf } from './probe.ts';
import { recordedModel } from './recorded-model.ts';

type Feeding = Readonly<{
  rate: number;
  env?: Record<string, string>;
  small?: boolean;
  ringCalls?: number;
  attackEveryMs?: number;
}>;

/** Runs with a hub, and a sensor on a stream of so many calls a second, once that sensor scores. */
export async function withSensor<Value>(
  testudo: string,
  { rate, env, small = false, ...feeding }: Feeding,
  run: (parts: Readonly<{ rig: NodeRig; feed: Feed; sensor: Member; healthPort: number }>) => Promise<Value>,
): Promise<Value> {
  const rig = await NodeRig.open(testudo, await recordedModel(small));
  let feed: Feed | undefined;
  try {
    await rig.startClient();
    await rig.heard.said('release fetched and verified');
    const socket = join(rig.folder, 'tetragon.sock');
    feed = await Feed.start(socket, rate, feeding);
    const sensor = await rig.startSensor(
      'node-1',
      {
        sources: [{ kind: 'tetragonGrpc', address: `unix://${socket}` }],
        scoring: { warmUp: 200 },
        health: { listen: '127.0.0.1:0' },
      },
      env,
    );
    const { healthPort } = await rig.sensorSaid('node-1', 'sensor started');
    await rig.heard.said('a sensor spoke of a release');
    return await run({ rig, feed, sensor, healthPort: Number(healthPort) });
  } finally {
    feed?.stop();
    await rig.close();
  }
}

export async function measureThroughput(testudo: string, { small }: BenchOptions, report: Report): Promise<number> {
  const seconds = small ? 0.5 : 30;
  const { used, bare } = await withSensor(
    testudo,
    { rate: 0, small, ringCalls: small ? 500 : 100_000 },
    async ({ rig, sensor, healthPort }) => {
      await pause(small ? 100 : 5_000);
      const used = await useOf(sensor, healthPort, seconds);
      await sensor.stop();
      const bare: Record<string, number> = {};
      const socket = join(rig.folder, 'tetragon.sock');
      const program = fileURLToPath(new URL('./decode.ts', import.meta.url));
      for (const how of ['generated', 'grpc']) {
        const args = ['--disable-warning=ExperimentalWarning', program, socket, String(small ? 0.2 : 10), how];
        const { events, cpuSeconds } = await runChild(process.execPath, args);
        bare[how] = Number(events) / Number(cpuSeconds);
      }
      return { used, bare };
    },
  );
  const perCore = used.calls / used.cpuSeconds;
  if (used.calls === 0) throw new Error('the sensor read nothing');
  const { generated: bareGenerated = 0, grpc: bareGrpc = 0 } = bare;
  const figures = { ...used, callsPerCore: perCore, bareGenerated, bareGrpc };
  if (small) report.record({ case: 'throughput', ...figures });
  else await keepPiece('throughput', figures, report);
  if (!small && perCore < bars.callsPerCore)
    throw new Error(`${perCore} calls a second and core; the bar is ${bars.callsPerCore}`);
  return Math.round(used.calls / used.seconds / 2);
}

/** `rate`: half of what the sensor took here just now, so that both ends have room. */
export async function measureLatency(testudo: string, rate: number, report: Report): Promise<void> {
  const attacks = 60;
  const { delays, made } = await withSensor(testudo, { rate, attackEveryMs: 250 }, async ({ rig, feed, sensor }) => {
    const unwarmed = feed.attacks.size;
    while (feed.attacks.size < unwarmed + attacks) await pause(250);
    await pause(5_000);
    await sensor.stop();
    const pids = new Map(
      (await rig.alerts()).map(({ id, detail }) => [id, Number((detail.process as { pid: number }).pid)]),
    );
    const delays = rig.heard.lines
      .filter(({ msg }) => msg === 'alert')
      .flatMap(({ alert, time }) => {
        const atMs = feed.attacks.get(pids.get(String(alert)) ?? -1);
        return atMs === undefined ? [] : [Number(time) - atMs];
      });
    return { delays, made: feed.attacks.size };
  });
  if (delays.length === 0) throw new Error('no attack was found');
  const [p50, p99] = [quantileOf(delays, 0.5), quantileOf(delays, 0.99)];
  await keepPiece('latency', { rate, attacks: made, found: delays.length, msP50: p50, msP99: p99 }, report);
}

/** The last calibration takes some seconds, between turns of everything else. */
const settlingMs = 15_000;

export async function measureRest(testudo: string, report: Report): Promise<void> {
  const [ringCalls, seconds] = [40_000, 60];
  const used: Used = await withSensor(testudo, { rate: 1_000, ringCalls }, async ({ feed, sensor, healthPort }) => {
    // Until every content has come once: as long as there is news, models are calibrated on it.
    while (feed.laps < 1) await pause(1_000);
    await pause(settlingMs);
    return await useOf(sensor, healthPort, seconds);
  });
  const cores = used.cpuSeconds / used.seconds;
  await keepPiece('rest', { ...used, cores }, report);
}

export async function measureLong(testudo: string, report: Report): Promise<void> {
  const events = 10_000_000;
  const samples: { events: number; miB: number }[] = [];
  const share = await withSensor(testudo, { rate: 0 }, async ({ feed, sensor, healthPort }) => {
    while (feed.events < events) {
      await pause(1_000);
      samples.push({ events: feed.events, miB: residentMiB(sensor.pid) });
    }
    return (await metricOf(healthPort, 'testudo_sensor_sent_bytes_total')) / feed.bytes;
  });
  const early = samples.filter((one) => one.events < events / 5).at(-1) ?? samples[0];
  const last = samples.at(-1);
  const largest = Math.max(...samples.map(({ miB }) => miB));
  const [rssMiBEarly, rssMiBLast] = [early?.miB ?? 0, last?.miB ?? 0];
  await keepPiece('long', { events, rssMiBMax: largest, rssMiBEarly, rssMiBLast, bytesShare: share }, report);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
