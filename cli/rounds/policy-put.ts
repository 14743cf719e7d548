import { readWholeText } from '../../base/text/read-whole.ts';
import { parseTrackPolicy } from '../../coordinator/config/policy.ts';
import { knowledgeOf } from '../../coordinator/config/track-knowledge.ts';
import { specOfBytes } from '../../proto/model-spec.ts';
import { orExit } from '../exit.ts';
import { wireJson } from '../json/wire-json.ts';
import { withConnection } from '../operator/connection.ts';
import { allClusters, overRegions } from '../operator/known-names.ts';
import { changingCommand } from '../operator/options.ts';
import { complain, print } from '../print.ts';
import { changesBetween, changesText } from './policy-changes.ts';
import { putTrack } from './put-track.ts';
import { trackOf } from './track-of.ts';

/** `testudo policy put`: another policy for a track, without its spec at hand. */
export function policyPutCommand() {
  return changingCommand('put', 'give a track another policy, and say what changes, setting by setting')
    .argument('<track>')
    .argument('<file>', 'the policy, YAML or JSON')
    .option('--dry-run', 'say what would change, and do nothing')
    .action((name, file, options) =>
      withConnection(options, async (connection) => {
        const { settings, sample } = await trackOf(connection, name);
        const policyJson = readWholeText(file);
        const canonicalJson = Buffer.from(settings.spec?.canonicalJson ?? new Uint8Array());
        const regional = sample !== undefined && overRegions(await allClusters(connection));
        const knows = knowledgeOf(orExit(specOfBytes(canonicalJson)), sample, regional);
        const before = orExit(parseTrackPolicy(settings.policyJson, knows));
        const changes = changesBetween(before, orExit(parseTrackPolicy(policyJson, knows)));
        const { dryRun = false, reason, json } = options;
        const isTold = dryRun || changes.length === 0;
        const spec = { canonicalJson, schemaDigest: '' };
        const done = isTold
          ? undefined
          : await putTrack(connection, { track: name, spec, policyJson, reason }, Buffer.alloc(0));
        for (const warning of done?.warnings ?? []) complain(`warning: ${warning}`);
        if (json)
          return print(
            wireJson({
              track: name,
              dryRun,
              changes,
              warnings: done?.warnings ?? [],
              sequence: done?.sequence ?? null,
            }),
          );
        print(changes.length === 0 ? 'nothing changes: this is the policy in force' : changesText(changes));
        if (done !== undefined) print(`in force from the next round on (journal ${done.sequence})`);
        else if (changes.length > 0) print('dry run: nothing was changed');
      }),
    );
}
