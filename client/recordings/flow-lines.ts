import type { ObservedFlow } from '../events/flow-record.ts';
import { rememberLine } from '../events/line-shape.ts';
import type { FlowItem, SkipReason } from '../events/source-item.ts';
import type { AddressBook } from './address-book.ts';
import { CsvFlowRows } from './csv-flow-rows.ts';
import { AwsFlowLog, looksLikeAws } from './flow-logs/aws.ts';
import { flowsOfJson } from './flow-logs/json-flows.ts';
import { JsonRecords } from './flow-logs/json-records.ts';
import { ZeekTsv } from './flow-logs/zeek.ts';
import type { CsvFlowOptions } from './layouts/layout.ts';
import { parseJsonLine } from './lines.ts';

type Answers = readonly (ObservedFlow | SkipReason)[];

/** What is known of a file's format after its first lines. */
type Format = Readonly<{
  read(line: string): Answers;
  /** A line that could not be had. */
  broken?(): void;
  end?(): Answers;
  isBetweenRecords?(): boolean;
}>;

/**
 * The flows of one file's lines. The first line that tells says what it is: Zeek's remarks, JSON (a record in each line, or
 * records over many), AWS's header or record; everything else is a table with a header.
 */
export class FlowLines {
  readonly #path: string;
  readonly #addresses: AddressBook;
  readonly #table: CsvFlowRows;
  #format: Format | undefined;
  #line = 0;

  /** head: the first lines of a file that is read on in its middle. */
  constructor(path: string, layout: CsvFlowOptions, head: readonly string[] = []) {
    this.#path = path;
    this.#addresses = layout.addresses;
    this.#table = new CsvFlowRows(path, layout);
    for (const line of head) {
      if (this.#format === undefined && this.#table.isKnown) break;
      this.#format ??= this.#formatOf(line);
      // A remark or a header says how to read what follows; records were read before.
      if (this.#format !== undefined) this.#format.read(line);
      else this.#table.push(line);
    }
    this.#format?.broken?.();
    this.#table.restart();
  }

  get isBetweenRecords(): boolean {
    if (this.#format !== undefined) return this.#format.isBetweenRecords?.() ?? true;
    return this.#table.isBetweenRecords;
  }

  push(line: string): FlowItem[] {
    this.#line += 1;
    if (this.#format === undefined && !this.#table.isKnown && this.#table.isBetweenRecords) {
      this.#format = this.#formatOf(line);
    }
    if (this.#format === undefined) return this.#table.push(line);
    const items = this.#items(this.#format.read(line));
    for (const item of items) if (item.kind === 'skipped') rememberLine(item, line);
    return items;
  }

  skipLine(): FlowItem[] {
    this.#line += 1;
    if (this.#format === undefined) return this.#table.skipLine();
    this.#format.broken?.();
    return this.#items(['LINE_TOO_LONG']);
  }

  end(): FlowItem[] {
    return this.#format === undefined ? this.#table.end() : this.#items(this.#format.end?.() ?? []);
  }

  #items(answers: Answers): FlowItem[] {
    return answers.map((answer) =>
      typeof answer === 'string'
        ? { kind: 'skipped', reason: answer, where: `${this.#path}:${this.#line}` }
        : { kind: 'flow', flow: answer },
    );
  }

  #formatOf(line: string): Format | undefined {
    const text = withoutMark(line).trimStart();
    if (/^#(?:separator|set_separator|empty_field|unset_field|path|open|fields|types)\b/.test(text)) {
      return remarked(new ZeekTsv(), this.#addresses);
    }
    if (text.startsWith('{') || text.startsWith('[')) return jsonFormat(text, this.#addresses);
    return looksLikeAws(text) ? remarked(new AwsFlowLog(), this.#addresses) : undefined;
  }
}

/** Lines of which some are about the others. */
function remarked(log: ZeekTsv | AwsFlowLog, addresses: AddressBook): Format {
  return {
    read: (line) => {
      const text = withoutMark(line.endsWith('\r') ? line.slice(0, -1) : line);
      if (text === '') return [];
      const row = log.read(text, addresses);
      return row === undefined ? [] : [row];
    },
  };
}

/** What closes a list over many lines, as people and blobs are given it. */
const closing = /^[\]}\s]*$/;

function jsonFormat(first: string, addresses: AddressBook): Format {
  const line = (text: string): Answers => (text.trim() === '' ? [] : flowsOfJson(withoutMark(text), addresses));
  if (isWhole(first)) return { read: line };
  const document = jsonDocument(addresses);
  let isDocument = true;
  /** Lines that were read and gave nothing yet. */
  let waiting = 0;
  return {
    ...document,
    read: (text) => {
      // Only where each line is a record does a whole one begin a line without a comma behind it.
      if (isDocument && text.startsWith('{') && isWhole(text)) {
        isDocument = false;
        const cut = document.isBetweenRecords() ? 0 : waiting;
        document.broken();
        return [...Array<SkipReason>(cut).fill('MALFORMED_JSON'), ...line(text)];
      }
      if (!isDocument) return closing.test(text) ? [] : line(text);
      const answers = document.read(text);
      waiting = answers.length > 0 ? 0 : waiting + 1;
      return answers;
    },
  };
}

/** Objects over any number of lines or pieces: a line's end says nothing within JSON. */
export function jsonDocument(addresses: AddressBook): Required<Format> {
  const records = new JsonRecords();
  const answersOf = (pieces: ReturnType<JsonRecords['push']>): Answers =>
    pieces.flatMap((piece) =>
      piece.kind === 'record' ? flowsOfJson(piece.text, addresses) : ['MALFORMED_JSON' as const],
    );
  return {
    read: (text) => answersOf(records.push(withoutMark(text))),
    broken: () => void records.end(),
    end: () => answersOf(records.end()),
    isBetweenRecords: () => records.isBetweenRecords,
  };
}

function isWhole(text: string): boolean {
  try {
    parseJsonLine(text);
    return true;
  } catch {
    return false;
  }
}

/** Windows writes a byte order mark before UTF-8. */
function withoutMark(line: string): string {
  return line.charCodeAt(0) === 0xfeff ? line.slice(1) : line;
}
