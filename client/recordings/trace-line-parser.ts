import { type Fault, refuse } from '../../base/fault.ts';
import { isoTimeMs } from '../../base/text/iso-time.ts';
import { isRecordedTime } from '../events/plausible-time.ts';
import type { Trace } from '../events/trace.ts';
import { type Abi, callIdOfName, callIdOfNumber, unknownId } from '../events/vocabulary.ts';

/** What stands at one line of a trace file (counted from 1), or how the file ended before its end. */
export type TraceItem = Readonly<
  | { kind: 'trace'; line: number; trace: Trace; unknownCalls: number; droppedCalls: number }
  /** `name` is empty where the line's columns could not be told apart. */
  | { kind: 'malformed'; line: number; name: string; fault: Fault<'TRACE_LINE_MALFORMED'> }
  /** Everything readable came before; `line` is the first line that did not come whole. */
  | { kind: 'broken'; line: number; fault: Fault<'TRACE_FILE_UNREADABLE' | 'TRACE_FILE_CUT_SHORT'> }
>;

const traceLimits = {
  /** 32 MiB of calls in memory; what follows in the same trace is counted and dropped. */
  callsMax: 2 ** 24,
  /** A label longer than this is garbage, and so is a call's name longer than the next. */
  textBytesMax: 1_024,
  callNameBytesMax: 64,
} as const;

const tab = 0x09;
const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

type Labels = Omit<Trace, 'calls'>;

const epochSeconds = /^\d{1,10}(?:\.\d{1,9})?$/;

/** Epoch milliseconds; NaN for anything else, and for times that no recording holds. */
function timeOf(text: string): number {
  const ms = epochSeconds.test(text) ? Math.round(1_000 * Number(text)) : isoTimeMs(text, { zoneless: 'refused' });
  return isRecordedTime(ms) ? ms : Number.NaN;
}

/** Labels by the number of columns before the calls. A file without a service column uses the family for it. */
const layouts = new Map<number, (columns: readonly string[]) => Labels>([
  [1, ([name = '']) => ({ split: '', cluster: undefined, service: '', family: '', name })],
  [3, ([split = '', family = '', name = '']) => ({ split, cluster: undefined, service: family, family, name })],
  [
    4,
    ([split = '', family = '', name = '', ended = '']) => ({
      ...{ split, cluster: undefined, service: family, family, name },
      endedMs: timeOf(ended),
    }),
  ],
  [
    5,
    ([split = '', cluster = '', service = '', family = '', name = '']) => ({ split, cluster, service, family, name }),
  ],
  [
    6,
    ([split = '', cluster = '', service = '', family = '', name = '', ended = '']) => ({
      ...{ split, cluster, service, family, name },
      endedMs: timeOf(ended),
    }),
  ],
]);

/**
 * Reads trace lines from chunks of bytes, whatever their borders. A byte is read as text and as part of a call at once,
 * since only the column's end tells which of the two it was; so a trace of ten million calls costs two bytes a call and
 * its text nothing.
 */
export class TraceLineParser {
  readonly #abi: Abi;
  #line = 1;
  #columns: string[] = [];
  #text = Buffer.allocUnsafe(traceLimits.textBytesMax);
  #textLength = 0;
  #textTooLong = false;
  #calls = new Uint16Array(1_024);
  #callCount = 0;
  #droppedCalls = 0;
  #unknownCalls = 0;
  /** The call being read, its digits so far; -1 before the first. */
  #number = -1;
  /** The call being read, where it is spelt with letters. */
  readonly #callName = Buffer.allocUnsafe(traceLimits.callNameBytesMax);
  #callNameLength = 0;
  #notCalls = false;
  #empty = true;

  constructor(abi: Abi) {
    this.#abi = abi;
  }

  /** The line that is being read. */
  get line(): number {
    return this.#line;
  }

  *push(chunk: Uint8Array): Generator<TraceItem> {
    for (const byte of chunk) {
      if (byte === newline) {
        yield this.#finishLine();
        continue;
      }
      this.#empty = false;
      if (byte === tab) this.#finishColumn();
      else if (byte !== carriageReturn) this.#take(byte);
    }
  }

  /** The last line, where the file does not end with a newline. */
  *end(): Generator<TraceItem> {
    if (!this.#empty) yield this.#finishLine();
  }

  #take(byte: number): void {
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (byte === space) this.#finishCall();
    else if (isDigit && this.#callNameLength === 0) {
      this.#number = Math.min(Math.max(this.#number, 0) * 10 + byte - 0x30, 2 ** 40); // Far beyond any call, still exact.
    } else if (this.#number >= 0 || this.#callNameLength === traceLimits.callNameBytesMax) this.#notCalls = true;
    else if (isDigit || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f) this.#callName[this.#callNameLength++] = byte;
    else this.#notCalls = true;
    if (this.#textLength < traceLimits.textBytesMax) this.#text[this.#textLength++] = byte;
    else this.#textTooLong = true;
  }

  #finishCall(): void {
    if (this.#callNameLength > 0)
      this.#addCall(callIdOfName(this.#callName.toString('latin1', 0, this.#callNameLength)));
    else if (this.#number >= 0) this.#addCall(callIdOfNumber(this.#number, this.#abi));
    this.#number = -1;
    this.#callNameLength = 0;
  }

  #addCall(id: number): void {
    if (id === unknownId) this.#unknownCalls++;
    if (this.#callCount === traceLimits.callsMax) {
      this.#droppedCalls++;
      return;
    }
    if (this.#callCount === this.#calls.length) {
      const larger = new Uint16Array(this.#calls.length * 2);
      larger.set(this.#calls);
      this.#calls = larger;
    }
    this.#calls[this.#callCount++] = id;
  }

  #finishColumn(): void {
    // More columns than any layout has: keep counting, not collecting.
    if (this.#columns.length <= 6) {
      const text = this.#textTooLong ? '' : this.#text.toString('utf8', 0, this.#textLength);
      // Windows writes a byte order mark before UTF-8.
      this.#columns.push(this.#line === 1 && this.#columns.length === 0 ? text.replace(/^\ufeff/, '') : text);
    }
    this.#startColumn();
  }

  #startColumn(): void {
    this.#textLength = 0;
    this.#textTooLong = false;
    this.#callCount = 0;
    this.#droppedCalls = 0;
    this.#unknownCalls = 0;
    this.#number = -1;
    this.#callNameLength = 0;
    this.#notCalls = false;
  }

  #finishLine(): TraceItem {
    this.#finishCall();
    const item = this.#itemOfLine();
    this.#columns = [];
    this.#startColumn();
    this.#empty = true;
    this.#line++;
    return item;
  }

  #itemOfLine(): TraceItem {
    const read = layouts.get(this.#columns.length);
    if (read === undefined) {
      const columns = this.#columns.length + 1;
      return this.#malformed('', `${columns} columns; expected 2 or 4 to 7, separated by tabs`);
    }
    const labels = read(this.#columns);
    if (this.#columns.includes('')) {
      return this.#malformed(labels.name, `a label is empty or longer than ${traceLimits.textBytesMax} bytes`);
    }
    if (Number.isNaN(labels.endedMs)) {
      return this.#malformed(labels.name, 'the time before the calls must be epoch seconds or as 2026-11-29T21:00:00Z');
    }
    if (this.#notCalls) {
      return this.#malformed(labels.name, 'the calls must be numbers or names with single spaces between them');
    }
    return {
      kind: 'trace',
      line: this.#line,
      trace: { ...labels, calls: this.#calls.slice(0, this.#callCount) },
      unknownCalls: this.#unknownCalls,
      droppedCalls: this.#droppedCalls,
    };
  }

  #malformed(name: string, what: string): TraceItem {
    const line = this.#line;
    const fault = refuse('TRACE_LINE_MALFORMED', `line ${line}: ${what}`, { line }).fault;
    return { kind: 'malformed', line, name, fault };
  }
}
