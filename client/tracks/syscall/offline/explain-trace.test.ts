import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import { tempDir } from '../../../../coordinator/testing/temp-dir.ts';
import { readTraceFile } from '../../../recordings/trace-file.ts';
import type { Report } from '../../offline-kind.ts';
import { syscallDetector } from '../detectors.ts';
import { learnClusterState, SyscallScorer } from '../scoring/scoring.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { explainTraceOf } from './explain-trace.ts';

it('names runs that nobody did before and calls in odd company, as an alert does', async () => {
  const input = join(tempDir(), 'traces.tsv');
  const line = (name: string, calls: string) => `train\there\tweb\tnormal\t${name}\t${calls}\n`;
  const loop = 'accept4 read openat write close ';
  const normal = Array.from({ length: 20 }, (_, at) => line(`n${at}`, loop.repeat(4 + at)));
  writeFileSync(input, [...normal, line('odd', `${loop.repeat(5)}ptrace`)].join(''));
  const strangers = join(tempDir(), 'strangers.tsv');
  writeFileSync(strangers, `test\there\telsewhere\tnormal\tstranger\t${loop.repeat(7)}\n`);
  const traces = [];
  for await (const item of readTraceFile(input)) if (item.kind === 'trace') traces.push(item.trace);
  const known = traces.slice(0, -1);
  const detector = syscallDetector('two-views', new WorkloadClasses(['web']));
  const { weights } = detector.train(detector.init(1), known, { seed: 1, steps: 0 });
  const clusters = new Map([['here', learnClusterState(detector, weights, known)]]);
  const scorer = new SyscallScorer({ detector, weights, clusters });
  // Of a class that nobody knows: judged by the one that explains it best, and explained as it is judged.
  const [stranger] = scorer.score([{ ...(known[3] as (typeof known)[number]), service: 'elsewhere' }]);
  const named = unwrap(
    await explainTraceOf(scorer, 'stranger', { input: strangers, normal: input }, () => {}),
  ) as Report & { detail: { score: number; calls: readonly { nats: number }[] } };
  expect(named.detail.score).toBe(stranger);
  expect(named.text).toContain('judged as web, since the model does not know elsewhere');
  const windows = scorer.scoreWindows({ ...(known[3] as (typeof known)[number]), service: 'elsewhere' });
  expect(Math.max(...windows.scores)).toBeLessThan(2);
  expect(Math.max(...named.detail.calls.map(({ nats }) => nats))).toBeLessThan(2);
  const of = async (name: string) => unwrap(await explainTraceOf(scorer, name, { input, normal: input }, () => {}));
  const [odd, usual] = [await of('odd'), await of('n3')];
  scorer.close();
  const first = { position: 25, names: ['openat', 'write', 'close', 'ptrace'] };
  expect(odd.detail).toMatchObject({
    runs: { length: 4, fresh: 1, first },
    set: { calls: [{ name: 'ptrace', left: 1 }] },
  });
  expect(odd.text).toMatch(
    /^calls in odd company: .* ptrace \(1\.00\).*\nruns of 4 calls that nobody did before: 1 of /m,
  );
  expect(usual.detail).not.toHaveProperty('runs');
  expect(usual.text).not.toContain('nobody did before');
});
