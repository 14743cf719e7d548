import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { z } from 'zod';
import { readWholeText, textBytesMax } from '../../base/text/read-whole.ts';
import { jsonLine, table, time } from '../../base/text/table.ts';
import { type KnownEnd, openEvidence, verifyChain } from '../../client/response/evidence/chain.ts';
import { readReceipts, receiptFile } from '../../client/response/evidence/receipts.ts';
import { type RecordHead, recordDigest, type SignedRecord } from '../../client/response/evidence/signed-record.ts';
import { loadDataKey } from '../../client/storage/data-key.ts';
import { exitCodes, exitWith, orExit } from '../exit.ts';
import { writeNew } from '../operator/root-files.ts';
import { complain, print } from '../print.ts';
import { chainFolder, placeIn } from './agent-folder.ts';

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
    .option('--json', 'on one line')
    .action(async (number, { dataDir, dataKey, json }) => {
      const record = await opened(dataDir, number, dataKey);
      print(json === true ? jsonLine(record) : JSON.stringify(record, null, 2));
    });
}

function verify() {
  return reading('verify', 'find every byte that was changed and every record that is missing')
    .option('--key <hex>', 'whose signature it must be: 64 hexadecimal digits, as an earlier `verify` printed them')
    .option(
      '--journal <file>',
      'what `testudo audit list --kind evidenceJournaled --about CLUSTER --rows 100000 --json` printed: ends the coordinator knows',
    )
    .option(
      '--receipt-key <hex>',
      "whose receipts count: the federation's key of receipts; without it, the one beside them",
    )
    .option('--anchor <digest...>', "digests known from elsewhere, such as a pod's annotation testudo.io/evidence")
    .option('--json', 'as JSON')
    .action(async ({ dataDir, key, anchor = [], journal, receiptKey, json }) => {
      if (key !== undefined && !/^[0-9a-f]{64}$/.test(key)) {
        exitWith({ code: 'KEY_INVALID', message: '--key: expected 64 hexadecimal digits' });
      }
      const publicKey = key === undefined ? {} : { publicKey: new Uint8Array(Buffer.from(key, 'hex')) };
      const folder = chainFolder(dataDir);
      const ends = [
        ...(await receiptedEnds(dataDir, receiptKey)),
        ...(journal === undefined ? [] : await journaledEnds(journal)),
      ].filter(({ signer }) => key === undefined || signer === key);
      const { records, problems, receipted } = await verifyChain(folder, { ...publicKey, anchors: anchor, ends });
      for (const { file, message } of problems) complain(`EVIDENCE_BROKEN: ${file}: ${message}`);
      if (problems.length > 0) process.exitCode = exitCodes.refused;
      const last = records.at(-1);
      const signer = last === undefined ? null : Buffer.from(last.publicKey).toString('hex');
      if (json === true) {
        const ofLast = last === undefined ? null : recordDigest(last.head);
        const journaledAt = endAt(receipted, ends)?.sequence ?? null;
        print(jsonLine({ records: records.length, problems, signer, last: ofLast, receipted, journaledAt }));
        return;
      }
      if (problems.length > 0) return;
      if (last === undefined) return print('no records');
      print(
        `${records.length} record(s), whole and in order, signed by ${signer}; the last is ${recordDigest(last.head)}`,
      );
      print(receiptText(records.length, receipted, ends));
    });
}

/** What the journal knows of the chain up to this record. */
function endAt(receipted: number, ends: readonly KnownEnd[]): KnownEnd | undefined {
  return ends.findLast(({ record }) => record === receipted);
}

function receiptText(count: number, receipted: number, ends: readonly KnownEnd[]): string {
  const last = endAt(receipted, ends);
  if (last === undefined) return "none of them stands in the coordinator's journal: nothing outside speaks for them";
  const rest = receipted < count ? `; ${receipted + 1} to ${count} are not receipted yet` : '';
  return `1 to ${receipted} are receipted: the coordinator's journal holds their end at ${last.sequence}${rest}`;
}

/** What the receipts beside the chain say. */
async function receiptedEnds(dataDir: string, key: string | undefined): Promise<readonly KnownEnd[]> {
  const receipts = await readReceipts(join(dataDir, receiptFile)).catch((error: Error) =>
    exitWith({ code: 'EVIDENCE_BROKEN', message: error.message }),
  );
  for (const one of receipts) {
    if (key === undefined || Buffer.from(one.key).toString('hex') === key) continue;
    exitWith({
      code: 'EVIDENCE_BROKEN',
      message: `${receiptFile}: a receipt is signed by another key than --receipt-key`,
    });
  }
  return receipts.map(({ receipt }) => receipt);
}

const journaled = z.object({ signer: z.string(), record: z.number(), digest: z.string() });

/** What an operator got from the coordinator itself. */
async function journaledEnds(file: string): Promise<readonly KnownEnd[]> {
  try {
    const lines = readWholeText(file, textBytesMax)
      .split('\n')
      .filter((line) => line.trim() !== '');
    return lines.map((line) => {
      const { sequence, eventJson } = JSON.parse(line) as { sequence: number; eventJson: string };
      return { ...journaled.parse(JSON.parse(eventJson)), sequence: Number(sequence) };
    });
  } catch (error) {
    return exitWith({ code: 'JOURNAL_UNREADABLE', message: `${file}: ${(error as Error).message}` });
  }
}

function exportOne() {
  return reading('export', 'one record, opened, into a new file: for those who look into the incident')
    .argument('<record>', 'its number')
    .requiredOption('-o, --out <file>', 'a new file')
    .option('--data-key <file>', 'the data key, if it is not data.key in the folder')
    .option('--json', 'as JSON')
    .action(async (number, { dataDir, dataKey, out, json }) => {
      writeNew(out, `${JSON.stringify(await opened(dataDir, number, dataKey), null, 2)}\n`, 0o600);
      print(
        json === true ? jsonLine({ record: Number(number), file: out }) : `record ${number} is in ${out}, in clear`,
      );
    });
}

/** The records of a folder. Whatever is broken in it is said, and the command's exit code. */
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
