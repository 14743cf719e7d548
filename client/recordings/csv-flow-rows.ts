import { rememberLine } from '../events/line-shape.ts';
import type { FlowItem } from '../events/source-item.ts';
import { CsvRecords } from './csv-records.ts';
import { readerUnder, readerWithoutHeader } from './layouts/csv-layouts.ts';
import type { CsvFlowOptions, CsvReader } from './layouts/layout.ts';

/** The flows of one table's lines, by the layout that its header tells. */
export class CsvFlowRows {
  readonly #path: string;
  readonly #layout: CsvFlowOptions;
  #records = new CsvRecords();
  #read: CsvReader | undefined;
  #width = 0;

  constructor(path: string, layout: CsvFlowOptions) {
    this.#path = path;
    this.#layout = layout;
  }

  /** Whether a header, or a row of a layout that has none, was seen. */
  get isKnown(): boolean {
    return this.#read !== undefined;
  }

  /** Keeps the layout, and forgets what rows were seen. */
  restart(): void {
    this.#records = new CsvRecords();
  }

  get isBetweenRecords(): boolean {
    return this.#records.isBetweenRecords;
  }

  push(line: string): FlowItem[] {
    return this.#items(this.#records.push(line));
  }

  skipLine(): FlowItem[] {
    return [...this.#items(this.#records.skipLine()), this.#skipped('LINE_TOO_LONG', this.#records.line)];
  }

  end(): FlowItem[] {
    return this.#items(this.#records.end());
  }

  #items(records: ReturnType<CsvRecords['push']>): FlowItem[] {
    const items: FlowItem[] = [];
    for (const record of records) {
      const item =
        record.kind === 'malformed'
          ? this.#skipped('MALFORMED_CSV', record.line)
          : this.#itemOf(record.fields, record.line);
      if (item?.kind === 'skipped' && record.kind !== 'malformed') rememberLine(item, record.fields.join(','));
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  #itemOf(fields: readonly string[], line: number): FlowItem | undefined {
    if (fields.length === 1 && fields[0] === '') return undefined;
    if (this.#read === undefined) {
      if (this.#begin(fields)) return undefined;
      this.#read = readerWithoutHeader(fields, this.#layout);
      this.#width = fields.length;
      if (this.#read === undefined) return this.#skipped('UNKNOWN_LAYOUT', line);
    }
    if (fields.length !== this.#width) return this.#skipped('WRONG_FIELD_COUNT', line);
    const flow = this.#read(fields);
    if (flow === undefined) return undefined;
    return typeof flow === 'string' ? this.#skipped(flow, line) : { kind: 'flow', flow };
  }

  #begin(header: readonly string[]): boolean {
    this.#read = readerUnder(header, this.#layout);
    this.#width = header.length;
    return this.#read !== undefined;
  }

  #skipped(reason: Extract<FlowItem, { kind: 'skipped' }>['reason'], line: number): FlowItem {
    return { kind: 'skipped', reason, where: `${this.#path}:${line}` };
  }
}
