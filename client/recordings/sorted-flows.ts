import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boundedLines } from '../../base/text/bounded-lines.ts';
import type { ObservedFlow } from '../events/flow-record.ts';
import type { FlowItem } from '../events/source-item.ts';

/** Flows held in memory at a time: some tens of megabytes. */
const heldMax = 131_072;
const batchSize = 256;

type Run = AsyncGenerator<ObservedFlow>;

/**
 * The items of a recording that is there as a whole: first everything but the flows, as it is read, then all flows in the
 * order in which they began; flows that began together keep their order. Memory is bounded: what does not fit is sorted in
 * runs on disk, in a folder of its own under the system's temporary one, and merged. An error of reading is thrown after
 * the flows that were read before it.
 */
export async function* sortedFlows(
  batches: AsyncIterable<readonly FlowItem[]>,
  options: Readonly<{ heldMax: number }> = { heldMax },
): AsyncGenerator<FlowItem[]> {
  let held: ObservedFlow[] = [];
  let folder: string | undefined;
  const files: string[] = [];
  let broken: Readonly<{ error: unknown }> | undefined;
  try {
    try {
      for await (const items of batches) {
        const others = items.filter((item) => item.kind !== 'flow');
        for (const item of items) if (item.kind === 'flow') held.push(item.flow);
        if (others.length > 0) yield others;
        if (held.length < options.heldMax) continue;
        folder ??= await mkdtemp(join(tmpdir(), 'testudo-sort-'));
        files.push(await writeRun(join(folder, `run-${files.length}`), sorted(held)));
        held = [];
      }
    } catch (error) {
      broken = { error };
    }
    if (files.length === 0) yield* inBatches(sorted(held));
    else yield* batched(merged([...files.map(readRun), inMemory(sorted(held))]));
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
  if (broken !== undefined) throw broken.error;
}

function sorted(flows: ObservedFlow[]): ObservedFlow[] {
  return flows.sort((a, b) => a.atMs - b.atMs);
}

async function writeRun(path: string, flows: readonly ObservedFlow[]): Promise<string> {
  const file = createWriteStream(path, { mode: 0o600 });
  // Whoever waits for "drain" must hear of a full disk, too.
  const failed = once(file, 'close').then(() => undefined);
  let text = '';
  for (const [index, flow] of flows.entries()) {
    text += `${JSON.stringify(flow)}\n`;
    if (index % 1_024 !== 1_023) continue;
    if (!file.write(text)) await Promise.race([once(file, 'drain'), failed]);
    text = '';
  }
  file.end(text);
  await failed;
  return path;
}

async function* readRun(path: string): AsyncGenerator<ObservedFlow> {
  for await (const line of boundedLines(createReadStream(path), Number.POSITIVE_INFINITY)) {
    // `l7` and `volume` are always there, if only as undefined, which JSON has no word for.
    const said = JSON.parse(line as string) as Omit<ObservedFlow, 'isReply' | 'l7' | 'volume'>;
    yield { isReply: undefined, l7: undefined, volume: undefined, ...said };
  }
}

function* inBatches(flows: readonly ObservedFlow[]): Generator<FlowItem[]> {
  for (let at = 0; at < flows.length; at += batchSize) {
    yield flows.slice(at, at + batchSize).map((flow) => ({ kind: 'flow', flow }));
  }
}

async function* inMemory(flows: readonly ObservedFlow[]): AsyncGenerator<ObservedFlow> {
  yield* flows;
}

/** The earliest of all runs each time; of equals the one of the earliest run. Runs are few: one for each `heldMax` flows. */
async function* merged(runs: readonly Run[]): AsyncGenerator<ObservedFlow> {
  const heads: { flow: ObservedFlow; run: Run }[] = [];
  try {
    for (const run of runs) {
      const { done, value } = await run.next();
      if (!done) heads.push({ flow: value, run });
    }
    while (heads.length > 0) {
      let first = 0;
      for (let at = 1; at < heads.length; at++) if (atOf(heads, at) < atOf(heads, first)) first = at;
      const head = heads[first] as (typeof heads)[number];
      yield head.flow;
      const { done, value } = await head.run.next();
      if (done) heads.splice(first, 1);
      else head.flow = value;
    }
  } finally {
    // Whoever has enough leaves files open otherwise.
    for (const run of runs) await run.return(undefined);
  }
}

function atOf(heads: readonly Readonly<{ flow: ObservedFlow }>[], at: number): number {
  return heads[at]?.flow.atMs as number;
}

async function* batched(flows: AsyncIterable<ObservedFlow>): AsyncGenerator<FlowItem[]> {
  let items: FlowItem[] = [];
  for await (const flow of flows) {
    items.push({ kind: 'flow', flow });
    if (items.length < batchSize) continue;
    yield items;
    items = [];
  }
  if (items.length > 0) yield items;
}
