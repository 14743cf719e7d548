#!/usr/bin/env node
/**
 * Krum over updates that lie in files and would not fit in memory together; prints one JSON line:
 *
 *     node bench/aggregation/files.ts N F D
 *
 * Writes lcg.py's rows to a temporary folder (N x D x 4 bytes: 12 GB for 10,000 x 300,000), measures the machine's
 * float32 multiplication peak, runs Krum once, and checks a sample of the distances it went by, and all of the chosen
 * row's, against exact ones. Removes the folder whatever happens.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { memorySink, type UpdateBlocks } from '../../aggregation/blocks/blocks.ts';
import { type FilledRows, fileBlocks } from '../../aggregation/blocks/file-blocks.ts';
import { RowFileWriter } from '../../aggregation/blocks/row-file.ts';
import { knownDistances } from '../../aggregation/distances/known-distances.ts';
import type { DistanceMatrix, RowPair } from '../../aggregation/linear-algebra.ts';
import { krum } from '../../aggregation/rules/krum.ts';
import { carryOut, updatesOf } from '../../aggregation/updates.ts';
import { unwrap } from '../../base/fault.ts';
import { congruentialStates } from '../../base/random.ts';
import { runChild } from '../harness/child.ts';
import { lcgRows } from '../harness/lcg.ts';
import { peakRssBytes, startOthersMeter } from '../harness/machine.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const [n, f, d] = positionals.map(Number) as [number, number, number];

const folder = mkdtempSync(path.join(os.tmpdir(), 'aggregation-files-'));
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

// In a process of its own: this one's memory is measured. As large as what is measured: the peak of few rows is lower.
const peak = fileURLToPath(new URL('./matmul-peak.ts', import.meta.url));
const { peakGflops } = await runChild(process.execPath, [peak, String(Math.min(n, 2048))]);
const source = unwrap(fileBlocks([writeRows()]));
const algebra = fastAlgebra();
const others = startOthersMeter();
const startedAt = performance.now();
let matrix: DistanceMatrix | undefined;
const distances = async () => {
  matrix = await algebra.squaredDistances(source);
  return knownDistances(algebra, source, matrix);
};
const updates = updatesOf(algebra, source, { distances });
const decision = unwrap(await krum(updates, f));
const distancesKnownAfter = (performance.now() - startedAt) / 1000;
const sink = memorySink(d);
await carryOut(algebra, decision.plan, sink);
const seconds = (performance.now() - startedAt) / 1000;
const otherCpu = others();
const peakRss = peakRssBytes();

const { worst, pairs } = await check(source, matrix as DistanceMatrix, decision.selected[0] as number);
await algebra.close();
// What Krum needs: n(n - 1)/2 products of d terms, two operations a term.
const gflops = (n * (n - 1) * d) / seconds / 1e9;
console.log(
  JSON.stringify({
    ...{ n, f, d, seconds, decidedAfterSeconds: distancesKnownAfter, otherCpu },
    ...{ selected: decision.selected[0], settledPairs: (await updates.distances()).settledPairs },
    ...{ inputGib: (4 * n * d) / 2 ** 30, peakRssMb: peakRss / 2 ** 20 },
    ...{ gflops, peakGflops, shareOfPeak: gflops / (peakGflops as number) },
    ...{ checkedPairs: pairs, worstRelativeError: worst },
  }),
);

function writeRows(): FilledRows {
  const values = new Float32Array(d);
  const writer = new RowFileWriter(path.join(folder, 'rows'), n, d);
  for (const row of lcgRows(n, f, d, () => values)) {
    const written = writer.begin();
    written.write(new Uint8Array(row.buffer), 0);
    written.end(true);
  }
  writer.finish();
  return { file: writer.file, slots: [...Array(n).keys()] };
}

/** Exact distances of the chosen row and of every `step`th pair; throws where one is outside its bound or beyond 1e-5. */
async function check(
  blocks: UpdateBlocks,
  known: DistanceMatrix,
  chosen: number,
): Promise<{ worst: number; pairs: number }> {
  const pairs: RowPair[] = [];
  const next = congruentialStates(1);
  for (let j = 0; j < n; j++) if (j !== chosen) pairs.push([chosen, j]);
  for (let i = 0; i < Math.min(n, 1000); i++) {
    const [a, b] = [Math.floor(i * (n / Math.min(n, 1000))), (next() >>> 8) % n];
    if (a !== b) pairs.push([a, b]);
  }
  const exact = await algebra.exactDistances(blocks, pairs);
  let worst = 0;
  pairs.forEach(([i, j], at) => {
    const truth = exact[at] as number;
    const error = Math.abs((known.values[i * n + j] as number) - truth);
    worst = Math.max(worst, error / truth);
    if (!(error <= known.errorOf(i, j) || error === 0))
      throw new Error(`pair ${i}, ${j} is off by ${error}, outside its bound`);
  });
  if (!(worst <= 1e-5)) throw new Error(`distances are off by ${worst}, more than 1e-5 of themselves`);
  return { worst, pairs: pairs.length };
}
