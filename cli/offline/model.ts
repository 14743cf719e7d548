import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from '@commander-js/extra-typings';
import { defaultFlowDetector, flowDetectorNames } from '../../client/tracks/flow/detector-names.ts';
import { defaultSyscallDetector, syscallDetectorNames } from '../../client/tracks/syscall/detector-names.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { type ModelSpec, schemaDigest, specBytes } from '../../proto/model-spec.ts';
import { exitWith, usage } from '../exit.ts';
import { print } from '../print.ts';

/** `testudo model`: what a new track begins with. */
export function modelCommand() {
  return new Command('model')
    .description('what a new track begins with: its spec and first weights')
    .addCommand(initCommand());
}

function initCommand() {
  return new Command('init')
    .description('write spec.json, model.bin and a policy to edit, as `testudo tracks put` takes them')
    .argument('[folder]', 'where the files go', '.')
    .addOption(new Option('--track <track>', 'what is watched').choices(['syscall', 'flow']).default('syscall'))
    .option(
      '--classes <name...>',
      "syscall: the federation's workload classes, such as nginx redis postgres: every cluster names its workloads by them",
    )
    .addOption(
      new Option(
        '--detector <name>',
        `what is learnt; by default ${defaultSyscallDetector}, for flows ${defaultFlowDetector}`,
      ).choices([...syscallDetectorNames, ...flowDetectorNames]),
    )
    .option(
      '--arguments',
      'lstm-lm: learn also which paths and ports calls name, by class; needs sources that show arguments',
    )
    .option(
      '--scale-from <file>',
      'feature-autoencoder: flow records (CSV) that all clusters may know; their scale becomes part of the spec',
    )
    .option('--liars <f>', 'how many of the clusters may be hostile at a time', '1')
    .option('--seed <number>', 'of the first weights', '1')
    .action(async (folder, { track, classes, detector: name, arguments: withArguments, scaleFrom, liars, seed }) => {
      const f = Number(liars);
      if (!Number.isInteger(f) || f < 0)
        exitWith({ code: 'USAGE', message: `--liars: expected 0, 1, 2, …; got ${liars}` });
      if (withArguments && (track !== 'syscall' || name !== 'lstm-lm'))
        usage('--arguments: only --detector lstm-lm reads arguments');
      if (scaleFrom !== undefined && (track !== 'flow' || name !== 'feature-autoencoder'))
        usage('--scale-from: only --track flow --detector feature-autoencoder has a scale');
      const { spec, init } =
        track === 'flow' ? await flowStart(name, scaleFrom) : await syscallStart(name, classes, withArguments);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'spec.json'), specBytes(spec));
      await writeFile(join(folder, 'model.bin'), bytesOfValues(init(Number(seed))));
      await writeFile(join(folder, 'policy.yaml'), policyText(f, track));
      print(`spec.json (${schemaDigest(spec)}), model.bin and policy.yaml are in ${folder}
make the track     testudo tracks put ${track} --spec ${join(folder, 'spec.json')} --model ${join(folder, 'model.bin')} --policy ${join(folder, 'policy.yaml')} --reason "first model"`);
    });
}

type Start = Readonly<{ spec: ModelSpec; init(seed: number): Float32Array }>;

async function syscallStart(
  name: string = defaultSyscallDetector,
  classes: readonly string[] | undefined,
  withArguments = false,
): Promise<Start> {
  const known = syscallDetectorNames.find((each) => each === name);
  if (known === undefined) usage(`--detector: the syscall track knows ${syscallDetectorNames.join(', ')}, not ${name}`);
  if (classes === undefined)
    usage('--classes: the syscall track needs the workload classes, such as nginx redis postgres');
  const { syscallDetector } = await import('../../client/tracks/syscall/detectors.ts');
  return syscallDetector(known, classesOf(classes), { arguments: withArguments });
}

async function flowStart(name: string = defaultFlowDetector, scaleFrom?: string): Promise<Start> {
  const known = flowDetectorNames.find((each) => each === name);
  if (known === undefined) usage(`--detector: the flow track knows ${flowDetectorNames.join(', ')}, not ${name}`);
  const { flowDetectorStart } = await import('../../client/tracks/flow/detectors.ts');
  if (scaleFrom === undefined) return flowDetectorStart(known);
  const { readFlowWindows } = await import('../../client/tracks/flow/offline/flow-windows.ts');
  const sample = await readFlowWindows(scaleFrom, { windowMs: 60_000 });
  if (!sample.ok) return exitWith(sample.fault);
  if (sample.value.windows.length === 0) usage(`--scale-from: ${scaleFrom} has no flows that can be used`);
  return flowDetectorStart(known, sample.value.windows);
}

function classesOf(names: readonly string[]): WorkloadClasses {
  try {
    return new WorkloadClasses(names);
  } catch (error) {
    return exitWith({ code: 'USAGE', message: `--classes: ${(error as Error).message}` });
  }
}

/** Graphs are small: an epoch over one is a few steps. */
const training = {
  syscall: 'training: { epochs: 1, stepsMax: 1000, batchSize: 64, learningRate: 0.01 }',
  flow: 'training: { epochs: 2, stepsMax: 200, batchSize: 32, learningRate: 0.01 }',
} as const;

/** A policy to start from: what people change, the rest by default. */
function policyText(f: number, track: 'syscall' | 'flow'): string {
  return `# How rounds of this track run; \`testudo tracks schema\` lists every setting with its range.
aggregation:
  f: ${f}                       # of the updates in a round, so many may be anything at all
  admission: { normMax: 1.0e+15, zeroUpdate: admit }   # a cluster that has learnt nothing new sends zeros
rounds:
  goal: { kind: share, ofEnrolled: 1 }
  quorum: { kind: share, ofCohort: 0.75 }
  recruitForMs: 600000       # wait so long for clusters to connect
  collectForMs: 7200000      # and so long for their updates
${training[track]}
# schedule: { cron: "0 2 * * *", timeZone: Europe/Berlin }   # without one, rounds open when an operator says so
`;
}
