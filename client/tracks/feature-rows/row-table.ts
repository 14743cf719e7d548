/**
 * Rows of features in a CSV file with a header, whatever set they are of (UNSW-NB15, CIC-IDS2017, NSL-KDD, KubAnomaly and their
 * like): what is a feature, what is a label, and what is neither is told from names and values.
 */
import { createReadStream } from 'node:fs';
import { boundedLines } from '../../../base/text/bounded-lines.ts';
import { decompressed } from '../../recordings/compressed/decompressed.ts';
import { noticeCutLine } from '../../recordings/compressed/unread-ends.ts';
import { CsvRecords } from '../../recordings/csv-records.ts';
import type { FeatureRow } from './feature-row.ts';

export type RowItem = Readonly<
  | { kind: 'row'; line: number; row: FeatureRow; label: string }
  | { kind: 'malformed'; line: number }
  /** Reading ended with this error. */
  | { kind: 'broken'; message: string }
>;

/** Columns that say whether a row is hostile, the first that is there and says more than 0 or 1 naming the family. */
const labelColumns = ['attack_cat', 'attack', 'label', 'class', 'scenario'];
/** What tells a row from others, or when and by whom it was made: nothing that another row could be like. */
const identityColumns =
  /^(id|row|difficulty|flow.?id|timestamp|time|(src|dst|source|destination).?(ip|port)|srcip|dstip)$/i;
/** Destination ports and the like are numbers that say what is asked for; these alone are kept. */
const keptPorts = /^destination port$/i;
const normalWords = /^(|0|0\.0|normal|benign)$/i;
const groupColumns = ['proto', 'protocol_type', 'service', 'scenario', 'destination port'];

/** Every row of a file, plain or packed; rows of another width than the header's are malformed. */
export async function* readRows(path: string): AsyncGenerator<RowItem> {
  const records = new CsvRecords();
  let header: readonly string[] | undefined;
  const itemsOf = (read: ReturnType<CsvRecords['push']>): RowItem[] =>
    read.flatMap((record): RowItem[] => {
      if (record.kind === 'malformed') return [{ kind: 'malformed', line: record.line }];
      const { fields, line } = record;
      if (header === undefined) {
        header = fields.map((name) => name.replace(/^\ufeff/, '').trim());
        return [];
      }
      if (fields.length === 1 && fields[0] === '') return [];
      if (fields.length !== header.length) return [{ kind: 'malformed', line }];
      return [{ kind: 'row', line, ...rowOf(header, fields) }];
    });
  const source = createReadStream(path);
  let last: RowItem | undefined;
  const told = (items: RowItem[]): RowItem[] => {
    last = items.at(-1) ?? last;
    return items;
  };
  try {
    for await (const line of boundedLines(decompressed(source))) {
      yield* told(itemsOf(line === undefined ? records.skipLine() : records.push(line)));
    }
    yield* told(itemsOf(records.end()));
    if (last?.kind === 'malformed') noticeCutLine(source);
  } catch (error) {
    yield { kind: 'broken', message: `${path}: ${(error as Error).message}` };
  }
}

/** label: empty for a normal row, and where the file has no labels. */
function rowOf(header: readonly string[], fields: readonly string[]): { row: FeatureRow; label: string } {
  const of = (name: string) => fields[header.findIndex((one) => one.toLowerCase() === name)]?.trim();
  const values: Record<string, string> = {};
  for (const [at, name] of header.entries()) {
    if (isFeature(name)) values[name] = (fields[at] as string).trim();
  }
  const group = groupColumns.flatMap((name) => of(name) ?? []).join('/');
  return { row: { group: group.slice(0, 128), fields: values }, label: labelOf(of) };
}

function isFeature(name: string): boolean {
  if (labelColumns.includes(name.toLowerCase())) return false;
  return keptPorts.test(name) || !identityColumns.test(name);
}

function labelOf(of: (name: string) => string | undefined): string {
  const said = labelColumns.filter((name) => name !== 'scenario').flatMap((name) => of(name) ?? []);
  const hostile = said.filter((text) => !normalWords.test(text));
  if (hostile.length === 0) return '';
  // A name says more than a 1.
  const named = hostile.find((text) => !/^[\d.]+$|^attack$/i.test(text));
  return named ?? of('scenario') ?? hostile[0] ?? '';
}
