import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ObservedFlow } from '../../client/events/flow-record.ts';
import { AddressBook } from '../../client/recordings/address-book.ts';
import { csvFlowRecording } from '../../client/recordings/csv-flow-file.ts';
import { hubbleFile } from '../../client/sources/flow/hubble-file.ts';
import { FlowSlicer, type SlicerEvent } from '../../client/tracks/flow/graph/slicer.ts';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import { runChild } from '../harness/child.ts';
import { figure, median, secondsOf, secondsText } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { FlowReplay, hubbleLineOf } from './replay.ts';
import { scoring } from './scoring.ts';

export const bench: Bench = {
  name: 'flow',
  summary:
    'Flows into graphs: records read a second, what a slice costs whatever the number of flows, and memory over a replay of ten million.',
  run,
};

type Case = Readonly<{ name: string; run(options: BenchOptions, report: Report): Promise<void> }>;

/** Cases in the order of the page. */
const cases: readonly Case[] = [
  { name: 'sources', run: sources },
  { name: 'slices', run: slices },
  { name: 'replay', run: replay },
  { name: 'scoring', run: scoring },
];

async function run(options: BenchOptions, report: Report): Promise<void> {
  for (const each of cases) {
    if (options.only === undefined || each.name.includes(options.only)) await each.run(options, report);
  }
}

const workloads = 1_000;
const edges = 20_000;

/** Records a second from a file to flows, on one core. */
async function sources(options: BenchOptions, report: Report): Promise<void> {
  const count = options.small ? 2_000 : 200_000;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'testudo-bench-'));
  try {
    const generator = new FlowReplay(workloads, edges, 2_000);
    const made = Array.from({ length: count }, () => generator.next());
    const hubble = path.join(folder, 'events.log');
    writeFileSync(hubble, `${made.map(hubbleLineOf).join('\n')}\n`);
    const csv = path.join(folder, 'flows.csv');
    const header =
      'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,packets_out,packets_in,label,family';
    const rows = made.map(
      ({ atMs, source, destination, destinationPort }) =>
        `${atMs / 1_000},0.1,c,${source.workload || 'ext'},${destination.workload || 'ext'},${destinationPort},tcp,10,20,1,2,normal,normal`,
    );
    writeFileSync(csv, `${header}\n${rows.join('\n')}\n`);
    const readers = { 'Hubble exporter JSON': () => readHubble(hubble), 'CSV flow records': () => readCsv(csv) };
    const table: string[][] = [];
    for (const [name, read] of Object.entries(readers)) {
      const found = await read();
      const expected = name.startsWith('CSV') ? rows.length : made.length;
      if (found.length !== expected) throw new Error(`${name}: expected ${expected} flows, got ${found.length}`);
      // Every fiftieth against what was written.
      for (let index = 0; index < count; index += 50)
        checkRead(name, found[index] as ObservedFlow, made[index] as ObservedFlow);
      const seconds: number[] = [];
      for (let pass = 0; pass < options.repeat; pass++) seconds.push(await secondsOf(read));
      const perSecond = count / median(seconds);
      report.record({ case: `read ${name} records=${count}`, recordsPerSecond: perSecond });
      table.push([name, figure(perSecond)]);
    }
    report.text(
      `## Sources\n\nFrom a file to flows with both ends named, through the follower that the client uses; ${count} records of ${edges} edges between ${workloads} workloads, one core, median of ${options.repeat}.`,
    );
    report.table(['source', 'records/s'], table);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function checkRead(name: string, found: ObservedFlow, made: ObservedFlow): void {
  const same = (one: ObservedFlow['source'], other: ObservedFlow['source']) =>
    one.kind === other.kind && one.workload === other.workload;
  const agrees =
    Math.abs(found.atMs - made.atMs) < 1 &&
    same(found.source, made.source) &&
    same(found.destination, made.destination) &&
    found.destinationPort === made.destinationPort;
  if (!agrees) throw new Error(`${name}: a flow was not read as it was written`);
}

async function readHubble(file: string): Promise<ObservedFlow[]> {
  const flows: ObservedFlow[] = [];
  for await (const { items } of hubbleFile(file, { follow: false, signal: new AbortController().signal })) {
    for (const item of items) if (item.kind === 'flow') flows.push(item.flow);
  }
  return flows;
}

async function readCsv(file: string): Promise<ObservedFlow[]> {
  const flows: ObservedFlow[] = [];
  for await (const items of csvFlowRecording(file, { addresses: new AddressBook() })) {
    for (const item of items) if (item.kind === 'flow') flows.push(item.flow);
  }
  return flows;
}

/** What counting a flow costs, and what a slice costs when its intervals held ever more flows. */
async function slices(options: BenchOptions, report: Report): Promise<void> {
  const perInterval = options.small ? [1_000, 4_000] : [60_000, 240_000, 960_000];
  const table: string[][] = [];
  for (const flows of perInterval) {
    checkSlices(Math.min(flows, 10_000));
    const { flowsPerSecond, sliceSeconds, edgeCount, nodeCount } = timeSlices(flows);
    report.record({ case: `slice flows/interval=${flows}`, flowsPerSecond, sliceSeconds, edgeCount, nodeCount });
    table.push([
      String(flows),
      String(nodeCount),
      String(edgeCount),
      figure(flowsPerSecond),
      secondsText(sliceSeconds),
    ]);
  }
  report.text(
    `## Slices\n\nA window of five intervals moves by one. The slice is brought up to date from the interval that closed and the one that left, so what it costs follows the edges (sorting, features, names) and not the flows. Answer checked first against a slicer that saw the window alone.`,
  );
  report.table(['flows per interval', 'nodes', 'edges', 'flows counted/s', 'one slice'], table);
}

/** The last slice of a sliding window must be the one of its flows alone. */
function checkSlices(flows: number): void {
  const generator = new FlowReplay(50, 200, flows / 60);
  const made = Array.from({ length: 8 * flows }, () => generator.next());
  const sliding = lastSlice(made, false);
  const alone = lastSlice(
    made.filter(({ atMs }) => atMs >= sliding.slice.startMs && atMs < sliding.slice.endMs),
    true,
  );
  const equal = JSON.stringify(sliding.names) === JSON.stringify(alone.names);
  const same = (one: Float32Array, other: Float32Array) =>
    Buffer.compare(Buffer.from(one.buffer), Buffer.from(other.buffer)) === 0;
  if (!equal || !same(sliding.slice.nodeFeatures, alone.slice.nodeFeatures)) {
    throw new Error('the sliding window differs from the window alone');
  }
}

function lastSlice(flows: readonly ObservedFlow[], partialWindows: boolean) {
  const slicer = new FlowSlicer({ partialWindows });
  const events: SlicerEvent[] = [];
  for (const flow of flows) events.push(...slicer.push(flow));
  events.push(...slicer.flush());
  const found = events.findLast((event) => event.kind === 'slice');
  if (found?.kind !== 'slice') throw new Error('no slice was given');
  return found;
}

function timeSlices(perInterval: number) {
  const generator = new FlowReplay(workloads, edges, perInterval / 60);
  const slicer = new FlowSlicer();
  const sliceSeconds: number[] = [];
  let [counting, counted, edgeCount, nodeCount] = [0, 0, 0, 0];
  // Batches are made before the clock starts; a push that closes an interval is the slice's.
  const batch = new Array<ObservedFlow>(1_000);
  while (sliceSeconds.length < 6) {
    for (let index = 0; index < batch.length; index++) batch[index] = generator.next();
    const startedAt = performance.now();
    let closing = 0;
    for (const flow of batch) {
      const before = flow.atMs % 60_000;
      // The one flow in an interval that closes the last: 15 seconds into it.
      const closes = before >= 15_000 && before < 15_000 + 60_000 / perInterval;
      const pushedAt = closes ? performance.now() : 0;
      for (const event of slicer.push(flow)) {
        if (event.kind !== 'slice') continue;
        sliceSeconds.push((performance.now() - pushedAt) / 1_000);
        closing += performance.now() - pushedAt;
        ({ edgeCount, nodeCount } = event.slice);
      }
    }
    counting += performance.now() - startedAt - closing;
    counted += batch.length;
  }
  return {
    flowsPerSecond: counted / (counting / 1_000),
    sliceSeconds: median(sliceSeconds.slice(1)),
    edgeCount,
    nodeCount,
  };
}

/** Memory over a long replay, in a process of its own. */
async function replay(options: BenchOptions, report: Report): Promise<void> {
  const flows = options.small ? 20_000 : 10_000_000;
  const script = fileURLToPath(new URL('./replay-process.ts', import.meta.url));
  const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning'];
  const line = await runChild(process.execPath, [...flags, script, String(flows), String(workloads), String(edges)]);
  const points = line.rssMiB as { flows: number; rssMiB: number }[];
  const [second, last] = [points[1], points.at(-1)];
  if (second === undefined || last === undefined) throw new Error('the replay reported no memory');
  // Flat: from a fifth of the way to the end it may not grow by a tenth.
  if (!options.small && last.rssMiB > second.rssMiB * 1.1) {
    throw new Error(
      `memory grew from ${second.rssMiB} to ${last.rssMiB} MiB between ${second.flows} and ${flows} flows`,
    );
  }
  report.record({ case: `replay flows=${flows}`, ...line });
  const rate = figure(flows / (line.seconds as number));
  report.text(
    `## Ten million flows\n\nA synthetic replay in the proportions of recorded flows (bench/flow/replay.ts): ${flows} flows, 2,000 a second of their own time, ${edges} pairs of ${workloads} workloads, through the client's default window of five minutes; ${line.slices} slices. Made, counted and sliced at ${rate} flows/s on one core. Resident memory of the whole process after a garbage collection:`,
  );
  report.table(
    ['flows', ...points.map((point) => `${figure(point.flows / 1e6)} M`)],
    [['RSS, MiB', ...points.map((point) => String(point.rssMiB))]],
  );
}
