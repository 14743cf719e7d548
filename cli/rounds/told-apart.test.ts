import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { seededRandom } from '../../base/random.ts';
import { languageModelSpec } from '../../client/tracks/syscall/language-model/language-model-spec.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { track } from '../../coordinator/testing/federation.ts';
import { layoutOf } from '../../proto/layout.ts';
import { sampleReaderUrl } from '../processes/coordinator/sample-reader-worker.ts';
import { CommandLine } from '../testing/command-line.ts';

const sizes = { embedding: 4, classEmbedding: 2, hidden: 4, warmUp: 2, predicted: 4 };
const spec = languageModelSpec(new WorkloadClasses(['nginx', 'redis']), sizes);
const names = ['a', 'b', 'c'];
const policy = `
aggregation: { f: 1, before: [], rule: { kind: trustedWeights, rho: 0.05, clip: 1.5, split: false, stepsMax: 5, blind: shares, tellApart: true } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 3 }, collectForMs: 600000 }
keepInputs: { rounds: 1, hours: 24 }
`;

it('a round whose network is told the sample’s attacks apart says how far it was moved, and comes out again to the bit', async () => {
  const line = await CommandLine.start({ spec, policy, sampleReader: sampleReaderUrl });
  const { federation } = line;
  const put = await line.run('tracks', 'sample', 'put', 'syscall', '--reason', 'the recorded set');
  expect(put).toMatchObject({ code: 0, error: '' });
  const members = await federation.round(names);
  const checked = await line.run('policy', 'check', 'syscall');
  expect(checked.out).toMatch(
    /attacks +a network is moved to where it tells the 20 of the sample from its normal work\n/,
  );

  for (const [at, member] of members.entries()) {
    const random = seededRandom(at);
    const delta = Float32Array.from({ length: layoutOf(spec).length }, () => 0.2 * (random() - 0.5));
    unwrap(await member.submit(delta));
  }
  await federation.until((state) => state.tracks.get(track)?.models.length === 2);

  const shown = await line.run('rounds', 'show', 'syscall', 'r-1');
  const [, moved, before, after] =
    /its attacks +aggregate moved by (\d+) % of its length to tell them apart: their loss ([\d.]+) to ([\d.]+), that on normal work [\d.]+ to [\d.]+\n/.exec(
      shown.out,
    ) ?? [];
  expect(Number(moved)).toBeGreaterThan(0);
  expect(Number(moved)).toBeLessThanOrEqual(50);
  expect(Number(after)).toBeLessThan(Number(before));
  const { sample } = await line.json<{ sample: { lossAfter: number; toldApart: { normalAfter: number } } }>('rounds', 'show', 'syscall', 'r-1'); // biome-ignore format: one line
  expect(sample.lossAfter).toBe(sample.toldApart.normalAfter);
  const replayed = await line.json<{ same: boolean }>('rounds', 'replay', 'syscall', 'r-1', '--reason', 'audit');
  expect(replayed.same).toBe(true);
});
