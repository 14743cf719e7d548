import { fileURLToPath } from 'node:url';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import { type ChildLine, runChild } from '../harness/child.ts';
import { figure, median, secondsText } from '../harness/measure.ts';
import { findPeers, type Peers } from '../harness/peers.ts';
import type { Report } from '../harness/report.ts';
import { type AggregationCase, fullCases, nameOf, type Opponent, smallCases } from './cases.ts';
import { runOurCase } from './process.ts';

export const bench: Bench = {
  name: 'aggregation',
  summary: 'Robust aggregation rules against Flower and ByzFL: the same bits in, the same selection out, in one run.',
  run,
};

async function run(options: BenchOptions, report: Report): Promise<void> {
  const { peers, missing } = options.peers ? findPeers() : {};
  if (missing !== undefined) report.text(`Peers were not measured: ${missing}.`);
  report.text(notes);
  const wanted = (options.small ? smallCases : fullCases).filter((each) => nameOf(each).includes(options.only ?? ''));
  const rows: string[][] = [];
  for (const each of wanted) rows.push(...(await runCase(each, options, peers, report)));
  if (rows.length > 0) report.table(header, rows);
  const largest = wanted.find(({ rule, n }) => rule === 'krum' && n >= 500);
  if (largest !== undefined) await comparePlainGram(largest, report);
}

/** Puts Krum's bars beside the multiplication that its distances cannot do without. */
async function comparePlainGram(each: AggregationCase, report: Report): Promise<void> {
  const program = fileURLToPath(new URL('./plain-gram.ts', import.meta.url));
  const line = await runChild(process.execPath, [program, String(each.n), String(each.d)]);
  const seconds = line.seconds as number;
  report.record({ case: nameOf(each), contender: 'plain native Gram matrix', seconds });
  report.text(
    `One plain native float32 Gram matrix of ${each.n} × ${each.d} values took ${secondsText(seconds)} in this run: no centring, ` +
      'no bounds, half of it computed twice, and its distances can be wrong by any factor. Ours are within 1e-5 of exact, with ' +
      'a bound on each: medians to centre on, sums of 64 columns in float32, and of those in float64. It computes one half alone, ' +
      'but in vectors of 128 bits, the widest that WebAssembly has: where processors work on 512 bits at a time, as the native ' +
      'multiplication does, most of the time goes there. Where a bar for this shape is missed, that is why.',
  );
}

const notes = `
Each contender runs in a process of its own, one after the other in every pass; times are medians over the passes of each
process's median call, inputs made and first call (ours: the checked one) done before. "Extra" is the process's peak
memory beyond what it held with its inputs and libraries loaded. Ours starts its threads inside that.
"Others' cores" is how much of the machine somebody else used meanwhile: well above 0, the figures are not the contender's
own, and who uses both cores (we do) loses more by it than who uses one (Flower's older Krum).

Checked before timing: ours against the plain TypeScript twin or the exact kernels, bit for bit; inputs by their SHA-256;
Krum's choice against Flower's (the paper's n − f − 2 neighbours) and, with its n − f − 1 neighbours, against ByzFL's;
medians, trimmed means and NNM + Krum against the peers' norm to 1e-5. Flower's Bulyan picks all its clients at once, by
their first scores, and so aggregates other rows than the paper's. ByzFL's geometric median stops after three steps: the
objective (sum of distances, lower is better) is given for ours.`;

const header = ['case', 'contender', 'seconds', 'ours is', 'promised', 'met', 'extra MiB', 'others’ cores', 'notes'];

async function runCase(
  each: AggregationCase,
  { repeat, small }: BenchOptions,
  peers: Peers | undefined,
  report: Report,
): Promise<string[][]> {
  const { rule, n, f, d, opponents, extraMibMax, peerCalls = 3 } = each;
  const shape = [n, f, d].map(String);
  const passes = small ? 1 : Math.min(repeat, 3);
  const lines = new Map<'testudo' | Opponent['peer'], ChildLine[]>([['testudo', []]]);
  for (let pass = 0; pass < passes; pass++) {
    const checked = pass === 0 ? [] : ['--no-check'];
    lines.get('testudo')?.push(await runOurCase([...shape, '--rule', rule, '--repeat', small ? '1' : '5', ...checked]));
    for (const { peer } of peers === undefined ? [] : opponents) {
      const args = ['--rule', rule, '--peer', peer, '--repeat', String(peerCalls), '--no-check'];
      const line = await peers?.run('krum.py', [...shape, ...args]);
      if (line !== undefined) lines.set(peer, [...(lines.get(peer) ?? []), line]);
    }
  }
  const mine = lines.get('testudo') as ChildLine[];
  requireRight(each, lines);
  const seconds = medianOf(mine, 'seconds');
  const extra = Math.max(...mine.map(extraMib));
  report.record({ case: nameOf(each), contender: 'testudo', seconds, extraMib: extra, runs: mine });
  const memory =
    extraMibMax === undefined ? ['', ''] : [`≤ ${extraMibMax} MiB`, extra <= extraMibMax ? 'yes' : '**no**'];
  const rows = [
    [nameOf(each), '**testudo**', secondsText(seconds), '', ...memory, figure(extra), othersOf(mine), notesOn(mine[0])],
  ];
  for (const { peer, bar } of opponents) {
    const theirs = lines.get(peer);
    if (theirs === undefined) continue;
    report.version(String(theirs[0]?.version));
    const ratio = medianOf(theirs, 'seconds') / seconds;
    const theirExtra = Math.max(...theirs.map(extraMib));
    report.record({
      case: nameOf(each),
      contender: peer,
      seconds: medianOf(theirs, 'seconds'),
      ratio,
      bar,
      extraMib: theirExtra,
      runs: theirs,
    });
    rows.push([
      ...['', peer, secondsText(medianOf(theirs, 'seconds')), `${figure(ratio)}× faster`, `≥ ${bar}×`],
      ...[ratio >= bar ? 'yes' : '**no**', figure(theirExtra), othersOf(theirs), ''],
    ]);
  }
  return rows;
}

/** Throws where an answer is wrong: no figure is worth keeping then. */
function requireRight(each: AggregationCase, lines: ReadonlyMap<string, readonly ChildLine[]>): void {
  const mine = lines.get('testudo')?.[0] as ChildLine;
  const check = mine.check as { agrees: boolean; selectedWithByzflNeighbours?: number };
  if (!check.agrees) throw new Error(`${nameOf(each)}: our answer differs from the exact one: ${JSON.stringify(mine)}`);
  for (const [peer, [theirs]] of lines) {
    if (peer === 'testudo' || theirs === undefined) continue;
    const wrong = (what: string) =>
      new Error(`${nameOf(each)}: ${what} differs from ${peer}'s: ${JSON.stringify([mine, theirs])}`);
    if (theirs.seconds === undefined)
      throw new Error(`${nameOf(each)}: ${peer} gave no time: ${JSON.stringify(theirs)}`);
    if (theirs.inputSha256 !== mine.inputSha256) throw wrong('the input');
    if (each.rule === 'krum') {
      const expected = peer === 'byzfl' ? check.selectedWithByzflNeighbours : mine.selected;
      if (theirs.selected !== expected) throw wrong('the selection');
    } else if (each.rule !== 'bulyan' && each.rule !== 'geometric-median') {
      const [a, b] = [mine.outputNorm as number, theirs.outputNorm as number];
      if (Math.abs(a - b) > 1e-5 * Math.abs(b)) throw wrong('the aggregate');
    }
  }
}

const medianOf = (lines: readonly ChildLine[], field: string) => median(lines.map((line) => line[field] as number));
const extraMib = (line: ChildLine) => Math.round((line.peakRssMb as number) - (line.baseRssMb as number));

/** How many cores everybody else used meanwhile: near 0 on a quiet machine. */
const othersOf = (lines: readonly ChildLine[]) => figure(median(lines.map((line) => (line.otherCpu as number) ?? 0)));

function notesOn(line: ChildLine | undefined): string {
  const notes = [];
  if (line?.selected !== undefined) notes.push(`picked ${line.selected}`);
  if (line?.steps !== undefined) notes.push(`${line.steps} steps, objective ${figure(line.objective as number)}`);
  if ((line?.settledPairs as number) > 0) notes.push(`${line?.settledPairs} pairs settled exactly`);
  return notes.join('; ');
}
