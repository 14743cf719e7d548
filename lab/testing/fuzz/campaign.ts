import { cpus } from 'node:os';
import { seededStream } from '../../../base/random.ts';
import { readCorpus, writeCorpus } from './corpora.ts';
import { BranchCoverage } from './coverage.ts';
import { explore, smallest } from './explore.ts';
import { writePage } from './page.ts';
import type { Target } from './target.ts';

export type CampaignOptions = Readonly<{ inputs: number; seed: number; explore: boolean; write: boolean }>;

/** A mutant of 8 KiB at most is read in micro- or milliseconds; on a busy machine ten thousand times that is still a bug. */
const millisecondsMax = 2_000;

/** Runs the targets one after another, tells each finding as it comes, and returns how many there were. */
export async function campaign(targets: readonly Target[], options: CampaignOptions): Promise<number> {
  const { inputs, seed, write } = options;
  const rows: { name: string; inputs: number; perSecond: number; corpus: number; findings: number }[] = [];
  for (const target of targets) {
    const coverage = options.explore ? new BranchCoverage(isSource) : undefined;
    const corpus = readCorpus(target.name);
    const random = seededStream(seed, `fuzz ${target.name}`);
    const began = performance.now();
    const done = await explore(target, { inputs, random, coverage, corpus, costs: { millisecondsMax } });
    const seconds = (performance.now() - began) / 1_000;
    for (const { what, input } of done.findings) {
      process.stdout.write(`${target.name}: ${what}\n  input ${Buffer.from(input).toString('base64')}\n`);
    }
    if (coverage !== undefined && write) writeCorpus(target.name, await smallest(target, done.kept, coverage));
    coverage?.close();
    const row = {
      ...{ name: target.name, inputs: done.inputs, perSecond: Math.round(done.inputs / seconds) },
      ...{ corpus: readCorpus(target.name).length, findings: done.findings.length },
    };
    rows.push(row);
    process.stdout.write(
      `${row.name}: ${row.inputs} inputs, ${row.perSecond} a second, ${done.kept.length} reached something new, ` +
        `corpus ${row.corpus}, ${row.findings} findings\n`,
    );
  }
  if (write && !options.explore)
    writePage(rows, { seed, machine: cpus()[0]?.model ?? 'unknown', node: process.version });
  return rows.reduce((sum, { findings }) => sum + findings, 0);
}

/** Ours, and the parsers that strangers' bytes reach through ours. */
function isSource(url: string): boolean {
  return url.startsWith('file:') && (!url.includes('/node_modules/') || /\/(?:yaml|protobufjs|onnx-proto)\//.test(url));
}
