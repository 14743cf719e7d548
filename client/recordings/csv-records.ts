/** One record, or one line that cannot be part of any. `line` counts from 1. */
export type CsvItem = Readonly<
  | { kind: 'record'; line: number; fields: readonly string[] }
  | {
      kind: 'malformed';
      line: number;
      why: 'quote inside a field' | 'text after a quote' | 'quote never closed' | 'longer than a record';
    }
>;

export type CsvLimits = Readonly<{
  /** Lines that one quoted field may go on for, and characters of a whole record. */
  linesMax: number;
  charactersMax: number;
}>;

/** More than any table has: a line of commas alone is not taken apart to its end. */
const columnsMax = 4_096;

/**
 * RFC 4180 records of lines, one line in, items out: quotes, doubled quotes and line breaks within quotes. A quote that
 * does not belong costs its own line and nothing after it: what was held while waiting for its end is read anew, line by
 * line. Holds at most `charactersMax` characters.
 */
export class CsvRecords {
  readonly #limits: CsvLimits;
  /** Lines of a record whose quote is still open. */
  #held: string[] = [];
  #heldCharacters = 0;
  #line = 0;

  constructor(limits: Partial<CsvLimits> = {}) {
    this.#limits = { linesMax: 16, charactersMax: 65_536, ...limits };
  }

  /** Lines read so far, those held not included. */
  get line(): number {
    return this.#line;
  }

  get isBetweenRecords(): boolean {
    return this.#held.length === 0;
  }

  /** A line that could not be had: no record goes on over it. */
  skipLine(): CsvItem[] {
    const items = this.#settle(true);
    this.#line += 1;
    return items;
  }

  push(line: string): CsvItem[] {
    // Nearly every line: no quotes, nothing held.
    if (this.#held.length === 0 && !line.includes('"')) {
      this.#line += 1;
      return [{ kind: 'record', line: this.#line, fields: withoutReturn(line).split(',', columnsMax) }];
    }
    if (line.length > this.#limits.charactersMax) {
      const items = this.#settle(true);
      this.#line += 1;
      return [...items, { kind: 'malformed', line: this.#line, why: 'longer than a record' }];
    }
    this.#held.push(line);
    this.#heldCharacters += line.length + 1;
    return this.#settle(false);
  }

  /** What is left at the end of the input. */
  end(): CsvItem[] {
    return this.#settle(true);
  }

  /** Reads what is held as far as it goes; at the end, or beyond a limit, an open quote is one that does not belong. */
  #settle(isEnd: boolean): CsvItem[] {
    const items: CsvItem[] = [];
    while (this.#held.length > 0) {
      const parsed = parseRecord(this.#held);
      const isOver = this.#held.length > this.#limits.linesMax || this.#heldCharacters > this.#limits.charactersMax;
      if (parsed === 'open' && !isEnd && !isOver) break;
      const line = this.#line + 1;
      if (typeof parsed === 'object') {
        items.push({ kind: 'record', line, fields: parsed.fields });
        this.#drop(parsed.lines);
      } else {
        items.push({ kind: 'malformed', line, why: parsed === 'open' ? 'quote never closed' : parsed });
        this.#drop(1);
      }
    }
    return items;
  }

  #drop(lines: number): void {
    for (const line of this.#held.splice(0, lines)) this.#heldCharacters -= line.length + 1;
    this.#line += lines;
  }
}

type Parsed = Readonly<{ fields: string[]; lines: number }> | 'open' | 'quote inside a field' | 'text after a quote';

/** The first record of some lines. */
function parseRecord(lines: readonly string[]): Parsed {
  const fields: string[] = [];
  let field = '';
  /** start: of a field; plain and quoted: within one; closed: behind its last quote. */
  let state: 'start' | 'plain' | 'quoted' | 'closed' = 'start';
  for (let at = 0; at < lines.length; at++) {
    const text = lines[at] as string;
    if (at > 0) field += '\n';
    for (let index = 0; index < text.length; index++) {
      const character = text[index] as string;
      if (character === '\r' && index === text.length - 1 && state !== 'quoted') continue;
      if (state === 'quoted') {
        if (character !== '"') field += character;
        else if (text[index + 1] === '"') {
          field += '"';
          index += 1;
        } else state = 'closed';
      } else if (character === ',') {
        fields.push(field);
        field = '';
        state = 'start';
      } else if (state === 'closed') {
        return 'text after a quote';
      } else if (character === '"') {
        if (state === 'plain') return 'quote inside a field';
        state = 'quoted';
      } else {
        field += character;
        state = 'plain';
      }
    }
    if (state !== 'quoted') return { fields: [...fields, field], lines: at + 1 };
  }
  return 'open';
}

/** Lines of files from elsewhere end in CR LF. */
function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
