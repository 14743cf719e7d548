import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { jsonLine, table, time } from '../../base/text/table.ts';
import { openEvidence, verifyChain } from '../../client/response/evidence/chain.ts';
import { type RecordHead, recordDigest, type SignedRecord } from '../../client/response/evidence/signed-record.ts';
import { loadDataKey } from '../../client/storage/data-key.ts';
import { exitCodes, exitWith, orExit } from '../exit.ts';
import { writeNew } from '../operator/root-files.ts';
import { complain, print } from '../print.ts';

/** `testudo evidence`: what an agent wrote down before it isolated a pod. */
export function evidenceCommand() {
  return new Command('evidence')
    .description(
      'The evidence that a response agent keeps in its data directory: sealed, signed, each record naming the one before.',
    )
    .addCommand(list())
    .addCommand(show())
    .addCommand(verify())
    .addCommand(exportOne());
}

function reading(name: string, summary: string) {
  return new Command(name)
    .description(summary)
    .requiredOption('-d, --data-dir <folder>', "the agent's data directory, or a copy of it");
}

function list() {
  return reading('list', 'every record: what it is evidence of, when, of which pod')
    .option('--json', 'one JSON value a line')
    .action(async ({ dataDir, json }) => {
      const { records } = await chainIn(dataDir);
      const heads = records.map(({ head }) => ({ ...head, digest: recordDigest(head) }));
      if (json === true) {
        for (const head of heads) print(jsonLine(head));
        return;
      }
      print(
        table<(typeof heads)[number]>(heads, [
          { title: 'RECORD', text: ({ sequence }) => String(sequence), align: 'right' },
          { title: 'AT', text: ({ atMs }) => time(atMs) },
          { title: 'OF', text: ({ kind }) => kind },
          { title: 'POD', text: ({ subject }) => podText(subject) },
          { title: 'ALERTS', text: ({ alerts }) => String(alerts.length), align: 'right' },
          { title: 'DIGEST', text: ({ digest }) => digest.slice(0, 19) },
        ]),
      );
    });
}

function show() {
  return reading('show', 'what one record holds, opened with the data key')
    .argument('<record>', 'its number')
    .option('--data-key <file>', 'the data key, if it is not data.key in the folder')
    .action(async (number, { dataDir, dataKey }) => {
      print(JSON.stringify(await opened(dataDir, number, dataKey), null, 2));
    });
}

function verify() {
  return reading('verify', 'find every byte that was changed and every record that is missing')
    .option('--key <hex>', 'whose signature it must be: 64 hexadecimal digits, as an earlier `verify` printed them')
    .option('--anchor <digest...>', "digests known from elsewhere, such as a pod's annotation testudo.io/evidence")
    .action(async ({ dataDir, key, anchor = [] }) => {
      if (key !== undefined && !/^[0-9a-f]{64}$/.test(key)) {
        exitWith({ code: 'KEY_INVALID', message: '--key: expected 64 hexadecimal digits' });
      }
      const publicKey = key === undefined ? {} : { publicKey: new Uint8Array(Buffer.from(key, 'hex')) };
      const { records, problems } = await verifyChain(placeIn(dataDir), { ...publicKey, anchors: anchor });
      for (const { file, message } of problems) complain(`EVIDENCE_BROKEN: ${file}: ${message}`);
      if (problems.length > 0) {
        process.exitCode = exitCodes.refused;
        return;
      }
      const last = records.at(-1);
      if (last === undefined) return print('no records');
      const signer = Buffer.from(last.publicKey).toString('hex');
      print(
        `${records.length} record(s), whole and in order, signed by ${signer}; the last is ${recordDigest(last.head)}`,
      );
    });
}

function exportOne() {
  return reading('export', 'one record, opened, into a new file: for those who look into the incident')
    .argument('<record>', 'its number')
    .requiredOption('-o, --out <file>', 'a new file')
    .option('--data-key <file>', 'the data key, if it is not data.key in the folder')
    .action(async (number, { dataDir, dataKey, out }) => {
      writeNew(out, `${JSON.stringify(await opened(dataDir, number, dataKey), null, 2)}\n`, 0o600);
      print(`record ${number} is in ${out}, in clear`);
    });
}

/** The records of a folder that is whole; anything else ends the command. */
/** Ends the process where a folder was never an agent's: to say that all of nothing is whole would mislead. */
function placeIn(dataDir: string): string {
  if (existsSync(dataDir)) return join(dataDir, 'evidence');
  const message = `${dataDir} is not there; give the data directory of a response agent, or a copy of it`;
  return exitWith({ code: 'EVIDENCE_MISSING', message });
}

async function chainIn(dataDir: string): Promise<Readonly<{ records: readonly SignedRecord[] }>> {
  const { records, problems } = await verifyChain(placeIn(dataDir));
  for (const { file, message } of problems) complain(`EVIDENCE_BROKEN: ${file}: ${message}`);
  if (problems.length > 0) process.exitCode = exitCodes.refused;
  return { records };
}

async function opened(dataDir: string, number: string, keyFile: string | undefined) {
  const { records } = await chainIn(dataDir);
  const record = records.find(({ head }) => String(head.sequence) === number);
  if (record === undefined)
    return exitWith({ code: 'EVIDENCE_UNKNOWN', message: `there is no record ${number}; list them` });
  const source = { kind: 'file', path: keyFile ?? join(dataDir, 'data.key') } as const;
  const content = orExit(openEvidence(record, orExit(await loadDataKey(source, dataDir))));
  const { head, publicKey, signature } = record;
  const signed = {
    publicKey: Buffer.from(publicKey).toString('hex'),
    signature: Buffer.from(signature).toString('hex'),
  };
  return { head, digest: recordDigest(head), ...signed, content };
}

function podText({ namespace, pod }: RecordHead['subject']): string {
  return `${namespace}/${pod}`;
}
