import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { writeFileAtomic } from '../../../base/atomic-file.ts';
import { shellWord } from '../../../base/text/shell-word.ts';
import { defaultKind } from '../../../client/tracks/track-kinds.ts';
import { relayConfigJsonSchema } from '../../../relay/config.ts';
import { refuseExisting } from '../../claimed-file.ts';
import { exitWith } from '../../exit.ts';
import { checkAddresses, enrolAddressOf, enrolmentPortText } from '../../operator/enrol-address.ts';
import { print } from '../../print.ts';

/** `testudo relay init`: beside a coordinator's configuration, what makes a region of it. */
export function initCommand() {
  return new Command('init')
    .description("write relay.yaml beside a coordinator's configuration: whose region it is")
    .argument('[folder]', 'where `testudo coordinator init` wrote', '.')
    .requiredOption('--parent <host:port>', "where the parent's coordinator is")
    .option('--enrol <host:port>', `where it enrols; unless given, ${enrolmentPortText}`)
    .option('--tracks <name...>', "the tracks that take part in the parent's rounds", [defaultKind])
    .action(async (folder, { parent, enrol = enrolAddressOf(parent), tracks }) => {
      checkAddresses('--parent', parent, [parent]);
      checkAddresses('--enrol', enrol, [enrol]);
      const coordinator = join(folder, 'coordinator.yaml');
      if (!existsSync(coordinator)) {
        const message = `${coordinator} is not there: \`testudo coordinator init ${folder}\` makes it, under a name of its own`;
        exitWith({ code: 'CONFIG_INVALID', message });
      }
      const path = join(folder, 'relay.yaml');
      if (existsSync(path)) refuseExisting(path);
      const schema = `${JSON.stringify(relayConfigJsonSchema(), null, 2)}\n`;
      await writeFileAtomic(join(folder, 'relay.schema.json'), schema);
      await writeFileAtomic(path, configText({ parent, enrol, tracks }));
      print(`made ${path}: ${parent} is the parent, and ${enrol} is where it enrols; \`upward: true\` goes into the policy of ${tracks.join(', ')} here, whose spec is the parent's: the same --classes in the same order

at the parent, for a token  testudo tokens create REGION --label relay=yes > ${shellWord(join(folder, 'parent-token'))}
start it                    testudo relay --config ${shellWord(path)}`);
    });
}

function configText({ parent, enrol, tracks }: Readonly<{ parent: string; enrol: string; tracks: readonly string[] }>) {
  return `# yaml-language-server: $schema=./relay.schema.json
# A region. Paths are relative to this file.
coordinator: ./coordinator.yaml
dataDirectory: ./parent

parent:
  addresses: [${JSON.stringify(parent)}]
  enrolAddress: ${JSON.stringify(enrol)}

joinToken: { file: ./parent-token }      # good once; needed until the region is enrolled
# trustAnchor: ./parent-root.json        # whose signatures the parent's releases need; else the first root that comes is trusted
tracks: [${tracks.join(', ')}]
health: { listen: "127.0.0.1:9464" }     # of the side to the parent: /healthz, /readyz, /metrics
`;
}
