import { expect, it } from 'vitest';
import { syscallDetectorNames } from '../../../client/tracks/syscall/detector-names.ts';
import { type SingleDetectorName, syscallSpec } from '../../../client/tracks/syscall/detector-specs.ts';
import { WorkloadClasses } from '../../../client/tracks/syscall/traces/workload-classes.ts';
import { builtInKinds, importTrackKind, moduleOfKind } from '../../../client/tracks/track-kinds.ts';
import { isWeighedBySample, knowledgeOf } from '../../../coordinator/config/track-knowledge.ts';
import { layoutOf } from '../../../proto/layout.ts';
import { readSample } from './sample-reader-worker.ts';

const classes = new WorkloadClasses(['nginx', 'redis']);
const singles = syscallDetectorNames.filter((name): name is SingleDetectorName => name !== 'ensemble');
const sample = Buffer.from(
  'train\ts\tnginx\tnormal\tn1\taccept4 read writev close\nattack\ts\tnginx\treverse_shell\ta1\tsocket connect dup2 execve\n',
);

it('the coordinator takes those architectures for weighed by a sample whose loss on it has a gradient, and no other', async () => {
  const weighed: string[] = [];
  for (const name of singles) {
    const spec = syscallSpec(name, classes);
    const read = await readSample(spec, sample, new Float32Array(layoutOf(spec).length));
    if (read.ok && read.value.loss.gradient !== undefined) weighed.push(spec.architecture);
    if (read.ok) read.value.close();
  }
  expect(weighed).toEqual(singles.map((name) => syscallSpec(name, classes)).filter(isWeighedBySample).map(({ architecture }) => architecture)); // biome-ignore format: one line
  expect(weighed).not.toEqual([]);
});

it('no kind of track but that of system calls takes samples, so that there is nothing else to hold the list against', async () => {
  const taking: string[] = [];
  for (const folder of builtInKinds()) {
    const kind = await importTrackKind(moduleOfKind(folder) as string);
    if (kind.samples !== undefined) taking.push(folder);
  }
  expect(taking).toEqual(['syscall']);
});

it('a sample tells of a track what share of the classes that its model names it holds normal work of', async () => {
  const held = (name: string, normalCount = 1) => ({ name, normalCount, attackCount: 1 });
  const spec = syscallSpec('lstm-lm', classes);
  expect(knowledgeOf(spec, undefined)).toEqual({ classes: false });
  expect(knowledgeOf(spec, { classes: [held('nginx'), held('redis')] })).toEqual({ classes: false, sample: true, covered: 1 }); // biome-ignore format: one line
  expect(knowledgeOf(spec, { classes: [held('nginx'), held('redis', 0)] })).toMatchObject({ sample: true, covered: 0.5 }); // biome-ignore format: one line
  // Regions cannot mix a sample into what they train on.
  expect(knowledgeOf(spec, { classes: [held('nginx')] }, true)).toEqual({ classes: false });
  expect(knowledgeOf(spec, { classes: [held('mysql')] })).toMatchObject({ sample: false });
  expect(knowledgeOf(spec, { classes: [held('nginx', 0)] })).toEqual({ classes: false });
  expect(knowledgeOf(syscallSpec('lstm-lm', new WorkloadClasses([])), { classes: [held('mysql')] })).toMatchObject({ sample: true, covered: 1 }); // biome-ignore format: one line
  expect(knowledgeOf(syscallSpec('class-table', classes), { classes: [held('nginx')] })).toEqual({ classes: true });
  expect(knowledgeOf(syscallSpec('two-views', classes), { classes: [held('nginx')] })).toEqual({ classes: false });
});
