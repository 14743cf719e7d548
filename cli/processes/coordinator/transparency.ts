import { Command, Option } from '@commander-js/extra-typings';
import { writeFileAtomic } from '../../../base/atomic-file.ts';
import { readWholeText } from '../../../base/text/read-whole.ts';
import { jsonLine } from '../../../base/text/table.ts';
import { type CoordinatorConfig, readConfigFile } from '../../../coordinator/config/config.ts';
import { exitWith, orExit, usage } from '../../exit.ts';
import { complain, print } from '../../print.ts';
import { withJournal } from './database.ts';
import { withKeys } from './keys.ts';

const configHelp = "the coordinator's configuration";
const configFile = './coordinator.yaml';

async function signerOf(config: CoordinatorConfig) {
  const { checkpointSigner } = await import('../../../coordinator/transparency/checkpoint-key.ts');
  return withKeys(config, ({ vault }) => checkpointSigner(vault, config.federation));
}

async function signerOrExit(config: CoordinatorConfig) {
  const missing = {
    code: 'CHECKPOINT_KEY_MISSING',
    message: 'no coordinator that signs heads of its journal has run here yet: start it once',
  };
  return (await signerOf(config)) ?? exitWith(missing);
}

function positionFrom(option: string, text: string, min: number): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) < min) usage(`${option}: expected a position from ${min}, got ${text}`);
  return Number(text);
}

/** `testudo coordinator export-audit`: the journal for auditors, who check it without us. */
export function exportAuditCommand() {
  return new Command('export-audit')
    .description(
      'write the journal as JSON lines that `testudo audit verify` checks anywhere; safe beside a running coordinator',
    )
    .option('-c, --config <file>', configHelp, configFile)
    .requiredOption('--to <file>', 'where it goes; what is there is replaced')
    .option('--from <sequence>', 'the first entry wanted', '1')
    .addOption(
      new Option('--format <format>', 'journal: to be verified; ocsf: OCSF 1.3 events for a SIEM, not signed')
        .choices(['journal', 'ocsf'] as const)
        .default('journal' as const),
    )
    .option('--unsigned', 'without a signed head at its end: the master key is not needed')
    .option('--json', 'what was written, as JSON')
    .action(async ({ config: path, to, from, format, unsigned, json }) => {
      const first = positionFrom('--from', from, 1);
      const config = orExit(readConfigFile(path, { environment: process.env }));
      const { exportAudit, exportOcsf } = await import('../../../coordinator/transparency/export.ts');
      if (format === 'ocsf') {
        const { seq } = orExit(await withJournal(config, (folder) => exportOcsf(folder, to, first)));
        if (json) return print(jsonLine({ file: to, first, last: seq }));
        return print(`${to} holds entries ${first} to ${seq}, an OCSF event each`);
      }
      const signer = unsigned ? undefined : await signerOf(config);
      if (signer === undefined && !unsigned) complain('no key that signs heads is here yet: the export is not signed');
      const { dataDirectory } = config;
      const { seq, chain } = orExit(
        await withJournal(config, (folder) => exportAudit(dataDirectory, to, first, signer, folder)),
      );
      if (json) return print(jsonLine({ file: to, first, last: seq, chain }));
      print(`${to} holds entries ${first} to ${seq}\nnote its head  ${seq}:${chain}`);
    });
}

/** `testudo coordinator prove`: what shows one entry, or the journal's growth, to somebody who shall see no more than that. */
export function proveCommand() {
  return new Command('prove')
    .description('write a proof that an entry stands in the journal, or that it goes on from what a witness saw')
    .option('-c, --config <file>', configHelp, configFile)
    .requiredOption('--to <file>', 'where it goes; what is there is replaced')
    .option('--entry <sequence>', 'this entry (C2SP tlog-proof), for `testudo audit verify`')
    .option(
      '--since <size>',
      'that it goes on from so many entries (C2SP tlog-witness), for `testudo audit witness cosign`',
    )
    .action(async ({ config: path, to, entry, since }) => {
      if ((entry === undefined) === (since === undefined)) usage('give one of --entry and --since');
      const position =
        entry === undefined ? positionFrom('--since', since ?? '', 0) : positionFrom('--entry', entry, 1);
      const config = orExit(readConfigFile(path, { environment: process.env }));
      const { proveEntry, proveGrowth } = await import('../../../coordinator/transparency/prove.ts');
      const signer = await signerOrExit(config);
      const proof = await withJournal(config, (folder) =>
        entry === undefined ? proveGrowth(folder, position, signer) : proveEntry(folder, position, signer),
      );
      await writeFileAtomic(to, orExit(proof));
      print(`${to} holds the proof`);
    });
}

/** `testudo coordinator add-cosignature`: what a witness gave back, for every later export. */
export function addCosignatureCommand() {
  return new Command('add-cosignature')
    .description('keep a head that a witness cosigned: exports hold it from then on')
    .argument('<file>')
    .option('-c, --config <file>', configHelp, configFile)
    .action(async (file, { config: path }) => {
      const config = orExit(readConfigFile(path, { environment: process.env }));
      const { dataDirectory } = config;
      const { keepCosigned } = await import('../../../coordinator/transparency/cosigned.ts');
      const { publicCheckpointKeys } = await import('../../../coordinator/transparency/checkpoint-key.ts');
      const { parseVerifierKey } = await import('../../../proto/transparency/signed-note.ts');
      const keys = (await publicCheckpointKeys(dataDirectory)).map((key) => orExit(parseVerifierKey(key)));
      const text = readWholeText(file);
      const size = orExit(await withJournal(config, (folder) => keepCosigned(dataDirectory, text, keys, folder)));
      print(`the cosigned head of ${size} entries is kept`);
    });
}

/** `testudo coordinator checkpoint-key`: who signs heads, for auditors and witnesses; and another key in its place. */
export function checkpointKeyCommand() {
  return new Command('checkpoint-key')
    .description("print the public key that signs the journal's heads: give it to auditors and witnesses")
    .option('-c, --config <file>', configHelp, configFile)
    .option('--rotate', 'make a new one and destroy the old; the coordinator must be stopped')
    .action(async ({ config: path, rotate }) => {
      const config = orExit(readConfigFile(path, { environment: process.env }));
      const { publicCheckpointKey, replaceCheckpointSigner } = await import(
        '../../../coordinator/transparency/checkpoint-key.ts'
      );
      if (!rotate) return print(publicCheckpointKey(await signerOrExit(config)));
      await withKeys(config, async ({ vault }, { hold }) => {
        const letGo = orExit(await hold());
        try {
          print(publicCheckpointKey(await replaceCheckpointSigner(vault, config.federation, config.dataDirectory)));
        } finally {
          await letGo();
        }
      });
    });
}
