import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededStream } from '../../../base/random.ts';
import { readCorpus, writeCorpus } from './corpora.ts';
import { BranchCoverage } from './coverage.ts';
import { explore, smallest } from './explore.ts';
import { nextOf, pageOf, withTurn } from './long-campaign.ts';
import { readRecord, writeRecord } from './record.ts';
import type { Target } from './target.ts';
import { targets as allTargets } from './targets/all.ts';

export type CampaignOptions = Readonly<{ inputs: number; seed: number; explore: boolean; write: boolean }>;

/** A mutant of 8 KiB at most is read in micro- or milliseconds; on a busy machine ten thousand times that is still a bug. */
const millisecondsMax = 2_000;

/** Runs the targets one after another, tells each finding as it comes, and returns how many there were. */
export async function campaign(targets: readonly Target[], options: CampaignOptions): Promise<number> {
  const { inputs, seed, write } = options;
  let findings = 0;
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
    findings += done.findings.length;
    process.stdout.write(
      `${target.name}: ${done.inputs} inputs, ${Math.round(done.inputs / seconds)} a second, ${done.kept.length} reached ` +
        `something new, corpus ${readCorpus(target.name).length}, ${done.findings.length} findings\n`,
    );
  }
  return findings;
}

/**
 * Turns that add up over as many nights as it takes, until each target has had `inputs`: the record and its page are written after
 * each, so it may be ended at any moment. Returns how many kinds of findings stand in the record of these targets.
 */
export async function longCampaign(targets: readonly Target[], inputs: number): Promise<number> {
  let rows = readRecord();
  for (let target = nextOf(targets, rows, inputs); target !== undefined; target = nextOf(targets, rows, inputs)) {
    const day = new Date().toISOString().slice(0, 10);
    rows = await withTurn(target, rows, { costs: { millisecondsMax }, day });
    const row = rows.find(({ name }) => name === target?.name);
    process.stdout.write(
      `${target.name}: seed ${row?.turns}, ${row?.perSecond} a second, ${row?.findings.length} findings\n`,
    );
    await writeRecord(rows);
    await writePage(rows);
  }
  await writePage(rows);
  return rows.reduce((sum, { findings }) => sum + findings.length, 0);
}

async function writePage(rows: Parameters<typeof pageOf>[1]): Promise<void> {
  writeFileSync(join(import.meta.dirname, '../../../docs/benchmarks/fuzzing.md'), await pageOf(allTargets, rows));
}

/** Ours, and the parsers that strangers' bytes reach through ours. */
function isSource(url: string): boolean {
  return url.startsWith('file:') && (!url.includes('/node_modules/') || /\/(?:yaml|protobufjs|onnx-proto)\//.test(url));
}
