import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isBenign } from '../../client/events/trace.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { learnTwoViews } from '../../client/tracks/syscall/two-views/two-views.ts';
import { twoViewsSpec } from '../../client/tracks/syscall/two-views/two-views-spec.ts';
import { readAll, recordedPath } from '../../lab/data/recorded-traces.ts';
import type { Member } from '../../lab/rig/member.ts';
import { NodeRig } from '../../lab/testing/node-rig.ts';
import type { BenchOptions } from '../harness/bench.ts';
import { runChild } from '../harness/child.ts';
import { figure } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { Feed, metricOf, quantileOf, residentMiB, type Used, useOf } from './probe.ts';

/** Bars of the work on clusters, by CPU time: whatever else runs here meanwhile. */
const bars = { callsPerCore: 30_000, alertMsP99: 250, rssMiB: 150, coresAtRest: 0.03, bytesShare: 0.02 };

/** A federation's default model of the recorded workloads, as a coordinator would have released it. */
async function recordedModel() {
  const traces = (await readAll(recordedPath)).filter((trace) => isBenign(trace) && trace.calls.length > 0);
  const spec = twoViewsSpec(new WorkloadClasses([...new Set(traces.map(({ service }) => service))].sort()));
  return {
    spec,
    weights: (version: number) => learnTwoViews(spec, traces.slice(0, traces.length - (version % 7))).weights,
  };
}

/** Runs with a hub, and a sensor on a stream of so many calls a second, once that sensor scores. */
async function withSensor<Value>(
  testudo: string,
  { rate, ...feeding }: Readonly<{ rate: number; ringCalls?: number; attackEveryMs?: number }>,
  run: (parts: Readonly<{ rig: NodeRig; feed: Feed; sensor: Member; healthPort: number }>) => Promise<Value>,
): Promise<Value> {
  const rig = await NodeRig.open(testudo, await recordedModel());
  let feed: Feed | undefined;
  try {
    await rig.startClient();
    await rig.said('release fetched and verified');
    const socket = join(rig.folder, 'tetragon.sock');
    feed = await Feed.start(socket, rate, feeding);
    const sensor = await rig.startSensor('node-1', {
      sources: [{ kind: 'tetragonGrpc', address: `unix://${socket}` }],
      scoring: { warmUp: 200 },
      health: { listen: '127.0.0.1:0' },
    });
    const { healthPort } = await rig.sensorSaid('node-1', 'sensor started');
    await rig.said('a sensor spoke of a release');
    return await run({ rig, feed, sensor, healthPort: Number(healthPort) });
  } finally {
    feed?.stop();
    await rig.close();
  }
}

export async function measureThroughput(testudo: string, { small }: BenchOptions, report: Report): Promise<number> {
  const seconds = small ? 2 : 30;
  const { used, bare } = await withSensor(
    testudo,
    { rate: 0, ringCalls: small ? 2_000 : 100_000 },
    async ({ rig, sensor, healthPort }) => {
      await pause(small ? 500 : 5_000);
      const used = await useOf(sensor, healthPort, seconds);
      await sensor.stop();
      const bare: Record<string, number> = {};
      const socket = join(rig.folder, 'tetragon.sock');
      const program = fileURLToPath(new URL('./decode.ts', import.meta.url));
      for (const how of ['generated', 'grpc']) {
        const args = ['--disable-warning=ExperimentalWarning', program, socket, String(small ? 1 : 10), how];
        const { events, cpuSeconds } = await runChild(process.execPath, args);
        bare[how] = Number(events) / Number(cpuSeconds);
      }
      return { used, bare };
    },
  );
  const perCore = used.calls / used.cpuSeconds;
  if (used.calls === 0) throw new Error('the sensor read nothing');
  report.record({
    case: 'throughput',
    ...used,
    callsPerCore: perCore,
    bareGenerated: bare.generated,
    bareGrpc: bare.grpc,
  });
  if (!small && perCore < bars.callsPerCore)
    throw new Error(`${perCore} calls a second and core; the bar is ${bars.callsPerCore}`);
  report.text(`## Calls a second and core

One sensor on a Unix socket that gives as fast as it takes: recorded traces as Tetragon's events, each with pod, labels, container and image, 64 processes at once. Read, put together, scored and, where normal, told: ${thousands(perCore)} calls for each second of CPU time, of all its threads together. Bar 30,000, goal 100,000. That is where a sensor with one core has to take a step down.`);
  report.table(
    ['what is done with the same stream', 'events per second of CPU time'],
    [
      ['`testudo sensor`, all of it', thousands(perCore)],
      [
        'decoded by the generated code and thrown away, bytes read as the sensor reads them',
        thousands(bare.generated as number),
      ],
      ["received by gRPC's own client and thrown away", thousands(bare.grpc as number)],
    ],
  );
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
    const delays = rig.logged
      .filter(({ msg }) => msg === 'alert')
      .flatMap(({ alert, time }) => {
        const atMs = feed.attacks.get(pids.get(String(alert)) ?? -1);
        return atMs === undefined ? [] : [Number(time) - atMs];
      });
    return { delays, made: feed.attacks.size };
  });
  if (delays.length === 0) throw new Error('no attack was found');
  const [p50, p99] = [quantileOf(delays, 0.5), quantileOf(delays, 0.99)];
  report.record({ case: 'latency', rate, attacks: made, found: delays.length, msP50: p50, msP99: p99 });
  report.text(`## Event to alert

${thousands(rate)} calls a second, which is half of what it took by the wall clock above, and ${made} processes among them that attack; ${delays.length} alerts: each alert lifts the threshold a little. From the writing of a process's last event to its alert at the hub: median ${figure(p50)} ms, p99 ${figure(p99)} ms. The bar is ${bars.alertMsP99} ms.`);
}

export async function measureRest(testudo: string, report: Report): Promise<void> {
  const [ringCalls, seconds] = [40_000, 60];
  const used: Used = await withSensor(testudo, { rate: 1_000, ringCalls }, async ({ feed, sensor, healthPort }) => {
    // Until every content has come once: as long as there is news, models are calibrated on it.
    while (feed.events < 1.1 * ringCalls) await pause(1_000);
    return await useOf(sensor, healthPort, seconds);
  });
  const cores = used.cpuSeconds / used.seconds;
  report.record({ case: 'rest', ...used, cores });
  report.text(`## At 1,000 calls a second

${figure(used.calls / used.seconds)} calls a second for ${figure(used.seconds)} s, after as many as there are contents, took ${figure(cores * 100)} % of a core, hub and heartbeats included. The bar is ${bars.coresAtRest * 100} %.`);
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
  report.record({
    case: 'long',
    events,
    rssMiBMax: largest,
    rssMiBEarly: early?.miB,
    rssMiBLast: last?.miB,
    bytesShare: share,
  });
  report.text(`## Memory and bytes

${thousands(events)} events, as fast as they are taken. Resident memory: ${figure(early?.miB ?? 0)} MiB after a fifth of them, ${figure(last?.miB ?? 0)} MiB at the end, ${figure(largest)} MiB at most. The bar is ${bars.rssMiB} MiB. The hub was sent ${figure(share * 100)} % of the events' bytes; the bar is ${bars.bytesShare * 100} %.`);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
