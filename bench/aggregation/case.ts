#!/usr/bin/env node
/**
 * Times one aggregation rule of ours on lcg.py's inputs, in a process of its own, and prints one JSON line shaped like
 * the peers' krum.py, so that either side's driver can run the other:
 *
 *     node bench/aggregation/case.ts N F D [--rule RULE] [--repeat 3] [--no-check]
 *
 * The first call is checked, not timed: against the plain TypeScript twin, or where that takes minutes against the
 * exact kernels, which the tests hold to the twin's bits. `seconds` is the median of the calls after it. peakRssMb is
 * the process's high-water mark after them, baseRssMb what it was with the inputs in memory and nothing called yet.
 */
import { parseArgs } from 'node:util';
import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { twinAlgebra } from '../../aggregation/algebra/twin-algebra.ts';
import { memoryBlocks, type UpdateBlocks } from '../../aggregation/blocks/blocks.ts';
import type { LinearAlgebra } from '../../aggregation/linear-algebra.ts';
import { unwrap } from '../../base/fault.ts';
import { inputSha256, lcgMatrix } from '../harness/lcg.ts';
import { peakRssBytes, startOthersMeter } from '../harness/machine.ts';
import { median, secondsOf } from '../harness/measure.ts';
import { type Aggregate, aggregateBy, type RuleName, ruleNames } from './rules.ts';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rule: { type: 'string', default: 'krum' },
    repeat: { type: 'string', default: '3' },
    'no-check': { type: 'boolean', default: false },
  },
});
const [n, f, d] = positionals.map(Number) as [number, number, number];
const rule = ruleNames.find((name) => name === flags.rule);
if (rule === undefined) throw new RangeError(`--rule: expected one of ${ruleNames.join(', ')}`);

const rows = lcgMatrix(n, f, d);
const source = unwrap(memoryBlocks(rows));
const algebra = fastAlgebra();
const baseRss = peakRssBytes();
let aggregate = await aggregateBy(rule, source, f, algebra);

const others = startOthersMeter();
const runs: number[] = [];
for (let run = 0; run < Number(flags.repeat); run++) {
  runs.push(
    await secondsOf(async () => {
      aggregate = await aggregateBy(rule, source, f, algebra);
    }),
  );
}
const otherCpu = others();
const peakRss = peakRssBytes();
await algebra.close();

const mebibytes = (bytes: number) => Math.round((bytes / 2 ** 20) * 10) / 10;
console.log(
  JSON.stringify({
    ...{ peer: 'testudo', rule, n, f, d, seconds: median(runs), runs, otherCpu },
    ...{ peakRssMb: mebibytes(peakRss), baseRssMb: mebibytes(baseRss), inputMb: mebibytes(4 * n * d) },
    ...{ settledPairs: aggregate.settledPairs, steps: aggregate.decision.convergence?.steps },
    selected: rule === 'krum' ? aggregate.decision.selected[0] : undefined,
    outputNorm: Math.sqrt(aggregate.values.reduce((sum, value) => sum + value * value, 0)),
    objective: rule === 'geometric-median' ? await distanceSum(source, aggregate) : undefined,
    check: flags['no-check'] ? undefined : await check(rule, source, aggregate),
    inputSha256: inputSha256(rows).slice(0, 16),
  }),
);

/** The same rule by another algebra must select the same rows and give the same bits. */
async function check(name: RuleName, input: UpdateBlocks, ours: Aggregate): Promise<Record<string, unknown>> {
  const small = n * n * d <= 4e9;
  const exact: LinearAlgebra = small ? twinAlgebra() : fastAlgebra({ gramRowsMin: Number.POSITIVE_INFINITY });
  try {
    const theirs = await aggregateBy(name, input, f, exact);
    const sameRows = String(theirs.decision.selected) === String(ours.decision.selected);
    const sameBits = theirs.values.every((value, at) => Object.is(value, ours.values[at]));
    return {
      against: small ? 'twin' : 'exact kernels',
      agrees: sameRows && sameBits,
      // ByzFL counts n - f - 1 neighbours where Krum's paper says n - f - 2.
      ...(name === 'krum' && { selectedWithByzflNeighbours: await selectedWith(n - f - 1, input, exact) }),
    };
  } finally {
    await exact.close();
  }
}

async function selectedWith(neighbours: number, input: UpdateBlocks, exact: LinearAlgebra): Promise<number> {
  const { values } = await exact.squaredDistances(input);
  const scores = Array.from({ length: n }, (_, i) => {
    const others = values.slice(i * n, (i + 1) * n).filter((__, j) => j !== i);
    return others
      .sort()
      .subarray(0, neighbours)
      .reduce((sum, distance) => sum + distance, 0);
  });
  return scores.indexOf(Math.min(...scores));
}

/** Σ ‖x_i − z‖ at the aggregate, what the geometric median makes least. */
async function distanceSum(input: UpdateBlocks, { values }: Aggregate): Promise<number> {
  const sums = new Float64Array(input.n);
  rows.forEach((row, i) => {
    for (let at = 0; at < values.length; at++) {
      const difference = (row[at] as number) - (values[at] as number);
      sums[i] = (sums[i] as number) + difference * difference;
    }
  });
  return sums.reduce((sum, square) => sum + Math.sqrt(square), 0);
}
