import { Command } from '@commander-js/extra-typings';
import { readWhole, readWholeText } from '../../base/text/read-whole.ts';
import { shortDigest, table, time } from '../../base/text/table.ts';
import { policyJsonSchema } from '../../coordinator/config/policy.ts';
import type { Track } from '../../proto/generated/testudo/v1/operator.ts';
import { specLimits } from '../../proto/model-spec.ts';
import { schemaCommand } from '../config-schema.ts';
import { wireJson } from '../json/wire-json.ts';
import { withConnection } from '../operator/connection.ts';
import { changingCommand, operatorCommand } from '../operator/options.ts';
import { createdColumn, releaseListCommand, roundColumn, versionColumn } from '../operator/release-list.ts';
import { complain, print } from '../print.ts';
import { putTrack } from './put-track.ts';
import { headCommand } from './track-head.ts';
import { trackOf } from './track-of.ts';
import { progressCommand } from './track-progress.ts';
import { sampleCommand } from './track-sample.ts';

/** `testudo tracks`: what is learnt, and by which policy. */
export function tracksCommand() {
  return new Command('tracks')
    .description('tracks: list, put a policy or a new track, its models and progress, what the next round starts from')
    .addCommand(list())
    .addCommand(put())
    .addCommand(policy())
    .addCommand(schemaCommand('a policy', policyJsonSchema))
    .addCommand(models())
    .addCommand(headCommand())
    .addCommand(progressCommand())
    .addCommand(sampleCommand());
}

function list() {
  return operatorCommand('list', 'tracks with their current model and next round').action((options) =>
    withConnection(options, async (connection) => {
      const { tracks } = await connection.call(connection.client.listTracks, {});
      if (options.json) for (const row of tracks) print(wireJson(row));
      else {
        print(
          table<Track>(tracks, [
            { title: 'TRACK', text: ({ settings }) => settings?.track ?? '' },
            { title: 'VERSION', text: ({ model }) => String(model?.version ?? ''), align: 'right' },
            { title: 'DIGEST', text: ({ model }) => shortDigest(model?.digest ?? '') },
            { title: 'BYTES', text: ({ model }) => String(model?.sizeBytes ?? ''), align: 'right' },
            { title: 'OPEN ROUND', text: ({ openRound }) => openRound },
            { title: 'NEXT ROUND', text: ({ nextRoundAtMs }) => time(nextRoundAtMs) },
          ]),
        );
      }
    }),
  );
}

function policy() {
  return operatorCommand('policy', 'the policy of a track, as JSON that `tracks put` takes back')
    .argument('<track>')
    .action((name, options) =>
      withConnection(options, async (connection) => {
        const { policyJson } = (await trackOf(connection, name)).settings;
        print(options.json ? policyJson : JSON.stringify(JSON.parse(policyJson), null, 2));
      }),
    );
}

function put() {
  return changingCommand('put', 'make a track with its first model, or give one a new policy')
    .argument('<track>')
    .requiredOption('--spec <file>', 'the model spec, JSON: architecture, hyperparameters, tensors')
    .requiredOption('--policy <file>', 'the policy, YAML or JSON')
    .option('--model <file>', 'the first model: float32, little-endian, in the order of the spec; for a new track only')
    .action((track, options) =>
      withConnection(options, async (connection) => {
        const canonicalJson = readWhole(options.spec);
        const policyJson = readWholeText(options.policy);
        const model =
          options.model === undefined ? Buffer.alloc(0) : readWhole(options.model, 4 * specLimits.elementsMax);
        const settings = { track, spec: { canonicalJson, schemaDigest: '' }, policyJson, reason: options.reason };
        const { model: current, sequence, warnings } = await putTrack(connection, settings, model);
        const version = current?.version ?? 0n;
        for (const warning of warnings) complain(`warning: ${warning}`);
        if (options.json) print(wireJson({ track, model: current, sequence, warnings }));
        else
          print(`track ${track} is at version ${version}, ${shortDigest(current?.digest ?? '')} (journal ${sequence})`);
      }),
    );
}

function models() {
  return releaseListCommand('models', 'models of a track, newest first', [
    versionColumn,
    { title: 'DIGEST', text: ({ model }) => shortDigest(model?.digest ?? '') },
    roundColumn,
    createdColumn,
  ]);
}
