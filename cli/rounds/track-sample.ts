import { Command } from '@commander-js/extra-typings';
import { asksOf } from '../../aggregation/policy.ts';
import { readWhole } from '../../base/text/read-whole.ts';
import { jsonLine, shortDigest, table, time } from '../../base/text/table.ts';
import type { SampleKind } from '../../client/tracks/track-kind.ts';
import { builtInKinds, importTrackKind, moduleOfKind } from '../../client/tracks/track-kinds.ts';
import { parseTrackPolicy } from '../../coordinator/config/policy.ts';
import { knowledgeOf } from '../../coordinator/config/track-knowledge.ts';
import type { SampleClass, TrackSample } from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { type ModelSpec, specOfBytes } from '../../proto/model-spec.ts';
import { exitWith, orExit } from '../exit.ts';
import { type OperatorConnection, withConnection } from '../operator/connection.ts';
import { allClusters, overRegions } from '../operator/known-names.ts';
import { changingCommand, operatorCommand } from '../operator/options.ts';
import { complain, print } from '../print.ts';
import { trackOf } from './track-of.ts';

/** `testudo tracks sample`: what rounds judge updates by, where their policy says so. */
export function sampleCommand() {
  return new Command('sample')
    .description('the trusted sample of a track: put one, show the one in force')
    .addCommand(put())
    .addCommand(show());
}

function put() {
  return changingCommand('put', 'give a track a trusted sample; rounds that open from now on go by it')
    .argument('<track>')
    .option(
      '--file <file>',
      "normal traces and attacks, as the track's kind reads them; else the recorded set gives one",
    )
    .action((track, options) =>
      withConnection(options, async (connection) => {
        const { settings } = await trackOf(connection, track);
        const spec = orExit(specOfBytes(settings.spec?.canonicalJson ?? new Uint8Array()));
        const samples = await readerFor(spec);
        const sample = options.file === undefined ? await recorded(spec) : readWhole(options.file);
        const content = orExit(await samples.read(sample));
        const classes = content.classes.map((held) => ({ ...held }));
        const { reason } = options;
        const request = { track, sample: Buffer.from(sample), classes, reason };
        const isUnheard = await wouldBeHeard(connection, spec, classes, settings.policyJson);
        const answer = await connection.call(connection.client.putSample, request);
        if (options.json) print(jsonLine({ track, ...answer }));
        else {
          const { version = 0n, digest = '', sizeBytes = 0n } = answer.sample ?? {};
          print(
            `sample ${version} of ${track}: ${sizeBytes} bytes, ${shortDigest(digest)} (journal ${answer.sequence})`,
          );
          print(classTable(classes));
        }
        if (isUnheard) {
          complain(
            `warning: no round looks at it: give ${track} a policy that leaves rule and before out (\`testudo policy put\`)`,
          );
        }
      }),
    );
}

function show() {
  return operatorCommand('show', 'the sample in force, and what it holds of each class')
    .argument('<track>')
    .action((track, options) =>
      withConnection(options, async (connection) => {
        const { sample } = await trackOf(connection, track);
        if (sample === undefined) exitWith({ code: 'SAMPLE_ABSENT', message: `${track} has no trusted sample` });
        print(
          options.json ? jsonLine({ track, sample }) : `${sampleLine(track, sample)}\n${classTable(sample.classes)}`,
        );
      }),
    );
}

function sampleLine(track: string, { version, digest, sizeBytes, putAtMs, reason }: TrackSample): string {
  return `sample ${version} of ${track}, ${sizeBytes} bytes, ${digest}, since ${time(putAtMs)}: ${reason}`;
}

function classTable(classes: readonly SampleClass[]): string {
  return table<SampleClass>(classes, [
    { title: 'CLASS', text: ({ name }) => name },
    { title: 'NORMAL', text: ({ normalCount }) => String(normalCount), align: 'right' },
    { title: 'ATTACKS', text: ({ attackCount }) => String(attackCount), align: 'right' },
  ]);
}

/** Whether rounds go by a rule that looks at no sample, where one that leaves it open would look at this one. */
async function wouldBeHeard(
  connection: OperatorConnection,
  spec: ModelSpec,
  classes: readonly SampleClass[],
  policyJson: string,
): Promise<boolean> {
  const { aggregation } = orExit(parseTrackPolicy(policyJson));
  if (asksOf(aggregation.rule).sample !== 'no' || knowledgeOf(spec, { classes }).sample !== true) return false;
  return !overRegions(await allClusters(connection));
}

/** What reads samples for models of this architecture. */
async function readerFor({ architecture }: ModelSpec): Promise<SampleKind<unknown>> {
  const taken: string[] = [];
  for (const folder of builtInKinds()) {
    const module = moduleOfKind(folder);
    const kind = module === undefined ? undefined : await importTrackKind(module);
    if (kind?.samples === undefined) continue;
    if (kind.architectures.includes(architecture)) return kind.samples;
    taken.push(...kind.architectures);
  }
  const message = `no kind of track here takes samples for ${architecture}: ${taken.join(', ')} do; any other goes by a rule that compares updates, such as mixing and Multi-Krum`;
  return exitWith({ code: 'SAMPLE_UNREADABLE', message });
}

/** From the set that ships with the product: of the model's classes where it names any, never of the test part. */
async function recorded(spec: ModelSpec): Promise<Uint8Array> {
  const { recordedSample } = await import('../../lab/data/recorded-sample.ts');
  const named = String(spec.hyperparameters.classes ?? '');
  return recordedSample(named === '' ? undefined : named.split(','));
}
