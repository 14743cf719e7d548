import { Command } from '@commander-js/extra-typings';
import { writeFileAtomic } from '../../base/atomic-file.ts';
import { readWholeText } from '../../base/text/read-whole.ts';
import { jsonLine } from '../../base/text/table.ts';
import { orExit } from '../exit.ts';
import { print } from '../print.ts';

const homeHelp = "the witness' folder: its key, and the last head that it cosigned";
const homeDefault = './testudo-witness';

/** `testudo audit witness`: run by a second party, who lets no journal forget what it has shown once. */
export function witnessCommand() {
  return new Command('witness')
    .description("cosign another party's journal, head after head, with a key and a memory of one's own")
    .addCommand(init())
    .addCommand(cosignCommand());
}

function init() {
  return new Command('init')
    .description('make a witness for one journal, and print its public key: give it to auditors')
    .requiredOption('--name <name>', 'who cosigns, a name like a URL: witness.example/w1')
    .requiredOption(
      '--log <key...>',
      "the key that signs the journal's heads; again for all of them after it was replaced",
    )
    .option('--home <folder>', homeHelp, homeDefault)
    .action(async ({ name, log, home }) => {
      const { initWitness } = await import('../../coordinator/transparency/witness-home.ts');
      print(orExit(await initWitness(home, name, log)));
    });
}

function cosignCommand() {
  return new Command('cosign')
    .description(
      'cosign a head, if it goes on from the last one: `testudo coordinator prove --since` writes what is asked',
    )
    .argument('<file>')
    .requiredOption('--to <file>', 'where the cosigned head goes, for the journal and for auditors')
    .option('--home <folder>', homeHelp, homeDefault)
    .option('--json', 'as JSON')
    .action(async (file, { to, home, json }) => {
      const { cosignRequest } = await import('../../coordinator/transparency/witness-home.ts');
      const { note, size, before } = orExit(await cosignRequest(home, readWholeText(file), Date.now()));
      await writeFileAtomic(to, note);
      if (json) return print(jsonLine({ file: to, size, before }));
      print(
        `cosigned: entries 1 to ${size}${before === 0 ? '' : `, which go on from the ${before} seen last`}\n${to} holds the head`,
      );
    });
}
