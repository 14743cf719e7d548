/**
 * Replays so many flows through a slicer in a process of its own and prints what memory it held on the way:
 *     node --expose-gc flow-replay-process.ts FLOWS WORKLOADS EDGES
 */
import { FlowSlicer } from '../../client/tracks/flow/graph/slicer.ts';
import { FlowReplay } from './replay.ts';

const [flows = 0, workloads = 0, edges = 0] = process.argv.slice(2).map(Number);
const replay = new FlowReplay(workloads, edges, 2_000);
const slicer = new FlowSlicer();
const rssMiB: { flows: number; rssMiB: number }[] = [];
let slices = 0;
let counted = 0;
const startedAt = performance.now();
for (let done = 1; done <= flows; done++) {
  for (const event of slicer.push(replay.next())) {
    if (event.kind !== 'slice') continue;
    slices += 1;
    counted = event.names.edges.length;
  }
  if (done % (flows / 10) === 0) {
    // What is held and not what is waiting to be collected.
    globalThis.gc?.();
    rssMiB.push({ flows: done, rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20) });
  }
}
const seconds = (performance.now() - startedAt) / 1_000;
console.log(JSON.stringify({ seconds, slices, edges: counted, nodes: slicer.nodeCount, rssMiB }));
