import { type Fault, refuse } from '../../proto/fault.ts';

/**
 * One trace: the calls of one process or thread in order. Columns that a layout lacks are undefined. Labels (`split`,
 * `family`) are for training and evaluation files; a live source has none.
 */
export type Trace = Readonly<{
  name: string;
  /** System call numbers as the file has them; `callOutOfRange` stands for any that is larger. */
  calls: Uint16Array;
  split?: string;
  cluster?: string;
  service?: string;
  family?: string;
}>;

export type TraceFaultCode = 'TRACE_LINE_MALFORMED' | 'TRACE_FILE_UNREADABLE' | 'TRACE_FILE_CUT_SHORT';

/** What stands at one line of a trace file (counted from 1), or how the file ended before its end. */
export type TraceItem = Readonly<
  | { kind: 'trace'; line: number; trace: Trace; outOfRangeCount: number; droppedCalls: number }
  /** `name` where the line's columns could be told apart. */
  | { kind: 'malformed'; line: number; name: string | undefined; fault: Fault<'TRACE_LINE_MALFORMED'> }
  /** Everything readable came before; `line` is the first line that did not come whole. */
  | { kind: 'broken'; line: number; fault: Fault<'TRACE_FILE_UNREADABLE' | 'TRACE_FILE_CUT_SHORT'> }
>;

/** Stands for numbers above 65,534: no kernel has such a call, so every vocabulary takes it for unknown. */
export const callOutOfRange = 0xffff;

export const traceLimits = {
  /** 32 MiB of calls in memory; what follows in the same trace is counted and dropped. */
  callsMax: 2 ** 24,
  textBytesMax: 1_024,
} as const;

const tab = 0x09;
const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const zero = 0x30;

const layouts = new Map<number, (columns: readonly string[]) => Omit<Trace, 'calls'>>([
  [1, ([name = '']) => ({ name })],
  [3, ([split = '', family = '', name = '']) => ({ split, family, name })],
  [
    5,
    ([split = '', cluster = '', service = '', family = '', name = '']) => ({ split, cluster, service, family, name }),
  ],
]);

/**
 * Reads `name TAB calls`, `split TAB family TAB name TAB calls` and `split TAB cluster TAB service TAB family TAB name
 * TAB calls` from chunks of bytes, whatever their borders; calls are decimal numbers between spaces. Byte by byte, so that
 * a trace of ten million calls costs two bytes a call and its text nothing.
 */
export class TraceLineParser {
  #line = 1;
  #columns: string[] = [];
  #text = Buffer.allocUnsafe(traceLimits.textBytesMax);
  #textLength = 0;
  #textCut = false;
  #columnTooLong = false;
  #calls = new Uint16Array(4_096);
  #callCount = 0;
  #droppedCalls = 0;
  #outOfRangeCount = 0;
  #number = -1;
  #notNumbers = false;
  #empty = true;

  /** The line that is being read. */
  get line(): number {
    return this.#line;
  }

  /** Whether bytes of an unfinished line are held. */
  get midLine(): boolean {
    return !this.#empty;
  }

  *push(chunk: Uint8Array): Generator<TraceItem> {
    for (const byte of chunk) {
      if (byte === newline) {
        const item = this.#finishLine();
        if (item !== undefined) yield item;
        continue;
      }
      this.#empty = false;
      if (byte === tab) this.#finishColumn();
      else this.#take(byte);
    }
  }

  /** The last line, where the file does not end with a newline. */
  *end(): Generator<TraceItem> {
    const item = this.#empty ? undefined : this.#finishLine();
    if (item !== undefined) yield item;
  }

  /** A byte belongs to a text column or to the calls: which one only the line's end tells, so it is read as both. */
  #take(byte: number): void {
    if (this.#textLength < traceLimits.textBytesMax) this.#text[this.#textLength++] = byte;
    else this.#textCut = true;
    const digit = byte - zero;
    if (digit >= 0 && digit <= 9) {
      this.#number = Math.min(Math.max(this.#number, 0) * 10 + digit, callOutOfRange);
    } else if (byte === space || byte === carriageReturn) this.#finishNumber();
    else this.#notNumbers = true;
  }

  #finishNumber(): void {
    if (this.#number < 0) return;
    if (this.#number === callOutOfRange) this.#outOfRangeCount++;
    if (this.#callCount === traceLimits.callsMax) this.#droppedCalls++;
    else {
      if (this.#callCount === this.#calls.length) this.#grow();
      this.#calls[this.#callCount++] = this.#number;
    }
    this.#number = -1;
  }

  #grow(): void {
    const larger = new Uint16Array(this.#calls.length * 2);
    larger.set(this.#calls);
    this.#calls = larger;
  }

  #finishColumn(): void {
    // More columns than any layout has: keep counting, not collecting.
    if (this.#columns.length <= 5) this.#columns.push(this.#text.toString('utf8', 0, this.#textLength));
    this.#columnTooLong ||= this.#textCut;
    this.#startColumn();
  }

  #startColumn(): void {
    this.#textLength = 0;
    this.#textCut = false;
    this.#callCount = 0;
    this.#droppedCalls = 0;
    this.#outOfRangeCount = 0;
    this.#number = -1;
    this.#notNumbers = false;
  }

  #finishLine(): TraceItem | undefined {
    this.#finishNumber();
    const item = this.#empty ? undefined : this.#itemOfLine();
    this.#columns = [];
    this.#columnTooLong = false;
    this.#startColumn();
    this.#empty = true;
    this.#line++;
    return item;
  }

  #itemOfLine(): TraceItem {
    const line = this.#line;
    const read = layouts.get(this.#columns.length);
    if (read === undefined) {
      return this.#malformed(undefined, `${this.#columns.length + 1} columns; expected 2, 4 or 6, separated by tabs`);
    }
    const labels = read(this.#columns);
    if (this.#columnTooLong)
      return this.#malformed(undefined, `a text column is longer than ${traceLimits.textBytesMax} bytes`);
    if (this.#notNumbers) {
      return this.#malformed(labels.name, 'the last column holds something else than decimal numbers between spaces');
    }
    return {
      kind: 'trace',
      line,
      trace: { ...labels, calls: this.#calls.slice(0, this.#callCount) },
      outOfRangeCount: this.#outOfRangeCount,
      droppedCalls: this.#droppedCalls,
    };
  }

  #malformed(name: string | undefined, what: string): TraceItem {
    const line = this.#line;
    return {
      kind: 'malformed',
      line,
      name,
      fault: refuse('TRACE_LINE_MALFORMED', `line ${line}: ${what}`, { line }).fault,
    };
  }
}
