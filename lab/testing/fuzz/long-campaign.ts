import { cpus } from 'node:os';
import { seededStream } from '../../../base/random.ts';
import { readCorpus } from './corpora.ts';
import { explore, kindOf } from './explore.ts';
import { type Costs, judge } from './judge.ts';
import { type FindingLine, fuzzingPage } from './page.ts';
import { inputsOfTurn, type Row } from './record.ts';
import type { Target } from './target.ts';

/** Which decoder is next: the one that was given the least; undefined where each has had `inputs`. */
export function nextOf(targets: readonly Target[], rows: readonly Row[], inputs: number): Target | undefined {
  const turnsOf = ({ name }: Target) => rows.find((row) => row.name === name)?.turns ?? 0;
  const [first] = targets.toSorted((one, other) => turnsOf(one) - turnsOf(other));
  return first !== undefined && turnsOf(first) * inputsOfTurn < inputs ? first : undefined;
}

/** One more turn of `target`, and the record with it. */
export async function withTurn(
  target: Target,
  rows: readonly Row[],
  { costs, day, inputs = inputsOfTurn }: Readonly<{ costs: Costs; day: string; inputs?: number }>,
): Promise<Row[]> {
  const row = rows.find(({ name }) => name === target.name);
  const seed = (row?.turns ?? 0) + 1;
  const random = seededStream(seed, `fuzz ${target.name}`);
  const began = process.cpuUsage();
  const { findings } = await explore(target, { inputs, random, corpus: readCorpus(target.name), costs });
  const { user, system } = process.cpuUsage(began);
  const known = new Set(row?.findings.map(({ what }) => kindOf(what)));
  const fresh = findings
    .map(({ what, input }) => ({ what: inAnyCheckout(what), input: Buffer.from(input).toString('base64'), seed, day }))
    .filter(({ what }) => !known.has(kindOf(what)));
  const next: Row = {
    ...{ name: target.name, turns: seed, perSecond: Math.round((inputs * 1e6) / (user + system)) },
    ...{ from: row?.from ?? day, to: day, findings: [...(row?.findings ?? []), ...fresh] },
  };
  return row === undefined ? [...rows, next] : rows.map((old) => (old === row ? next : old));
}

/** The words and the innermost places, by paths that are the same on every machine. */
function inAnyCheckout(what: string): string {
  const checkout = new URL('../../../', import.meta.url).href;
  return what.split('\n').slice(0, 4).join('\n').replaceAll(checkout, '');
}

/** The page of a record. Each finding is run again: what the page calls mended is mended in the code that writes it. */
export async function pageOf(targets: readonly Target[], rows: readonly Row[]): Promise<string> {
  const findings: FindingLine[] = [];
  for (const target of targets) {
    for (const { what, input, seed, day } of rows.find(({ name }) => name === target.name)?.findings ?? []) {
      const isMended = (await judge(target, Buffer.from(input, 'base64'))) === undefined;
      findings.push({ name: target.name, what: what.split('\n')[0] as string, seed, day, isMended });
    }
  }
  const decoders = targets.map(({ name }) => ({
    name,
    row: rows.find((row) => row.name === name),
    corpus: readCorpus(name).length,
  }));
  return fuzzingPage(decoders, findings, `Node ${process.version.slice(1)}, ${cpus()[0]?.model ?? 'unknown'}`);
}
