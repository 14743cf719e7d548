import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { ApiJudge } from '../../client/tracks/api/judge/api-judge.ts';
import { evidenceSpec, trainEvidence } from '../../client/tracks/api/memory/evidence-table.ts';
import { median, processorSecondsOf } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { type Cluster, recordedPath } from './world.ts';

/** Requests that are scored in one run. */
const requestsMin = 40_000;

/** Requests a second of one core: scoring, beside splitting the same lines at their commas. By the processor's time. */
export async function speedStudy(cluster: Cluster, report: Report, repeat: number): Promise<void> {
  const spec = evidenceSpec();
  const judge = new ApiJudge(spec, trainEvidence(spec, cluster.normal), cluster.normal);
  const examples = cluster.judged.map(({ example }) => example);
  const requests = examples.reduce((sum, { calls }) => sum + calls.length, 0);
  const passes = Math.max(1, Math.ceil(requestsMin / requests));
  const lines = await linesOf(recordedPath);
  const [scored, split] = [[] as number[], [] as number[]];
  for (let run = 0; run <= repeat; run++) {
    // Of other ids: a judge gives a known example the score that it had.
    const fresh = Array.from({ length: passes }, (_, pass) =>
      examples.map((example) => ({ ...example, id: (example.id + 1 + run * passes + pass) >>> 0 })),
    ).flat();
    const scoring = await processorSecondsOf(() => judge.score(fresh));
    const splitting = await processorSecondsOf(() => lines.reduce((sum, line) => sum + line.split(',').length, 0));
    // The first run warms the compiler up.
    if (run === 0) continue;
    scored.push((requests * passes) / scoring);
    split.push(lines.length / splitting);
  }
  const [own, plain, best] = [median(scored), median(split), Math.max(...scored)];
  report.record({ case: `speed ${cluster.name}`, requestsPerSecond: own, best, splitLinesPerSecond: plain });
  const shown = (rate: number) => Math.round(rate / 1_000).toLocaleString('en-US');
  report.text(
    `## Speed

One core scores **${shown(own)} thousand requests a second** (chains of ${(requests / examples.length).toFixed(1)} calls on average, with shared model and local memory, learning as it goes). Splitting the same log's lines at their commas, and nothing else, does ${shown(plain)} thousand lines a second. By the processor's time, median of ${repeat} runs; the run that was disturbed least did ${shown(best)} thousand.`,
  );
}

async function linesOf(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: createReadStream(path).pipe(createGunzip()) })) lines.push(line);
  return lines;
}
