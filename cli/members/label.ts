import { wireJson } from '../json/wire-json.ts';
import { withConnection } from '../operator/connection.ts';
import { allClusters, forceOption, refuseMisspeltKeys } from '../operator/known-names.ts';
import { changingCommand } from '../operator/options.ts';
import { print } from '../print.ts';
import { labelOf } from './tokens.ts';

/** `testudo clusters label`: what channels, pins and cohorts name a member by. */
export function labelCommand() {
  return changingCommand('label', 'give a member labels, and take others away')
    .argument('<cluster>')
    .argument('<key=value|key-...>', 'key=value sets one, key- takes it away')
    .option(...forceOption)
    .action((cluster, words, { reason, json, force, ...options }) => {
      const removed = words.filter(isRemoval).map((word) => word.slice(0, -1));
      const labels = words.filter((word) => !isRemoval(word)).map((word) => labelOf(word, '<key=value|key->'));
      return withConnection(options, async (connection) => {
        if (force !== true) {
          refuseMisspeltKeys(
            await allClusters(connection),
            labels.map(({ key }) => key),
          );
        }
        const request = { cluster, labels, removed, reason };
        const answer = await connection.call(connection.client.setLabels, request);
        const now = answer.labels.map(({ key, value }) => `${key}=${value}`).join(', ') || 'none';
        print(
          json ? wireJson({ cluster, ...answer }) : `${cluster} has the labels ${now} (journal ${answer.sequence})`,
        );
      });
    });
}

/** `env=prod-` is a value that ends badly, which is refused as such: nobody means to take away a key called `env=prod`. */
function isRemoval(word: string): boolean {
  return word.endsWith('-') && !word.includes('=');
}
