import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
aggregation: { f: 0 }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 3 }, collectForMs: 600000 }
keepInputs: { rounds: 1, hours: 24 }
`;
/** The default of a network with a sample, but for what is not moved where it knows nothing yet, as after updates at random. */
const undoubted = policy.replace(
  'f: 0',
  'f: 0, before: [], rule: { kind: trustedWeights, rho: 0.05, clip: 1.5, split: false, stepsMax: 60, blind: contrast, tellApart: true, search: patient }',
);

/** A round of three who send something at random. */
async function counted({ federation }: CommandLine, members = federation.round(names)) {
  for (const [at, member] of (await members).entries()) {
    const random = seededRandom(at);
    unwrap(await member.submit(Float32Array.from({ length: layoutOf(spec).length }, () => 0.2 * (random() - 0.5))));
  }
  await federation.until((state) => state.tracks.get(track)?.models.length === 2);
}

it('a round whose network is told the sample’s attacks apart says how far it was moved, and comes out again to the bit', async () => {
  const line = await CommandLine.start({ spec, policy, sampleReader: sampleReaderUrl });
  const { federation } = line;
  const put = await line.run('tracks', 'sample', 'put', 'syscall', '--reason', 'the recorded set');
  expect(put).toMatchObject({
    code: 0,
    error: expect.stringMatching(/^warning: no round looks at it: .* rule and before out/),
  });
  const said = await line.run('policy', 'check', 'syscall');
  expect(said.out).toMatch(
    /attacks +the rule multiKrum looks at no sample, .* that leaves rule and before out would\n/,
  );
  const file = join(line.folder, 'policy.yaml');
  writeFileSync(file, policy);
  const changed = await line.run('policy', 'put', 'syscall', file, '--reason', 'by the sample');
  expect(changed).toMatchObject({ code: 0, error: '' });
  expect(changed.out).toMatch(/^\+ aggregation\.rule.*trustedWeights/m);
  expect(changed.out).toMatch(/^\+ sample.*0\.5/m);
  writeFileSync(file, undoubted);
  expect((await line.run('policy', 'put', 'syscall', file, '--reason', 'whatever it knows')).code).toBe(0);
  const members = await federation.round(names);
  const checked = await line.run('policy', 'check', 'syscall');
  expect(checked.out).toMatch(
    /attacks +a network is moved to where it tells the 20 of the sample from its normal work, also where these look like it: doubtSample: mostClusters would move nothing then\n/,
  );

  await counted(line, Promise.resolve(members));

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

it('a round whose sample holds no attack says that there was nothing to tell apart', async () => {
  const line = await CommandLine.start({ spec, policy, sampleReader: sampleReaderUrl });
  const [sample, file] = ['sample.tsv', 'policy.yaml'].map((name) => join(line.folder, name)) as [string, string];
  // No policy would look at one that holds no class of the model.
  writeFileSync(sample, 'train\ts\tmysql\tnormal\tn1\taccept4 read writev close accept4 read writev close\n');
  const unheard = await line.run(
    'tracks',
    'sample',
    'put',
    'syscall',
    '--file',
    sample,
    '--reason',
    'of another track',
  );
  expect(unheard).toMatchObject({ code: 0, error: expect.not.stringMatching(/no round looks at it/) });
  writeFileSync(sample, 'train\ts\tnginx\tnormal\tn1\taccept4 read writev close accept4 read writev close\n');
  writeFileSync(file, policy);
  expect((await line.run('tracks', 'sample', 'put', 'syscall', '--file', sample, '--reason', 'normal work')).code).toBe(
    0,
  );
  const changed = await line.run('policy', 'put', 'syscall', file, '--reason', 'by the sample');
  // Of nginx and redis it holds one: half as much is mixed in.
  expect(changed.out).toMatch(/^\+ sample.*0\.25/m);
  await counted(line);
  const checked = await line.run('policy', 'check', 'syscall');
  expect(checked).toMatchObject({ code: 0, out: expect.stringMatching(/attacks +the sample holds none, .*\n/) });
  const shown = await line.run('rounds', 'show', 'syscall', 'r-1');
  expect(shown.out).toMatch(
    /its attacks +none in the sample that the model could be moved to tell from its normal work\n/,
  );
});

it('a round whose network tells the sample’s attacks no better than chance moves nothing, and says what to look at', async () => {
  const line = await CommandLine.start({ spec, policy, sampleReader: sampleReaderUrl });
  const file = join(line.folder, 'policy.yaml');
  writeFileSync(file, policy);
  expect((await line.run('tracks', 'sample', 'put', 'syscall', '--reason', 'the recorded set')).code).toBe(0);
  expect((await line.run('policy', 'put', 'syscall', file, '--reason', 'by the sample')).code).toBe(0);
  expect((await line.run('policy', 'check', 'syscall')).out).toMatch(
    /attacks +a network is moved to where it tells the 20 of the sample from its normal work\n/,
  );
  await counted(line);
  const shown = await line.run('rounds', 'show', 'syscall', 'r-1');
  expect(shown.out).toMatch(
    /its attacks +aggregate not moved: .* no better than chance \(their loss [\d.]+, chance 0\.6931\); look whether they are attacks\n/,
  );
});
