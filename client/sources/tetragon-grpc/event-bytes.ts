import { isPlausibleTime } from '../../events/plausible-time.ts';
import type { ProcessIdentity, SourceItem } from '../../events/source-item.ts';
import { itemsOfTetragon, type TetragonOptions } from '../tetragon-event.ts';
import { GetEventsResponse } from '../wire/generated/tetragon.ts';
import { readTetragonMessage } from './read-message.ts';

/** What a hook and its arguments are; null: no beginning of a call. */
type Hooked = Readonly<{ call: number; argumentClass: number }> | null;
type Known = Readonly<{ raw: Buffer; node: string; thread: string; process: ProcessIdentity }>;

const hooksMax = 8_192;
const hookBytesMax = 256;
const processesMax = 2_048;
/** Of one process: its threads differ. */
const variantsMax = 16;

/** GetEventsResponse: field numbers of what most events are made of. */
const [kprobe, tracepoint, nodeName, time] = [9, 10, 1_000, 1_001];

/**
 * Reads Tetragon's events from their bytes. Most of them name a process and a hook that were named before: these are found again
 * by their bytes, and only the time is decoded. Every other event is decoded whole, and both ways give the same items.
 */
export class EventReader {
  readonly #options: TetragonOptions;
  readonly #hooks = new Map<string, Hooked>();
  /** By exec id, the process as it was said last first. */
  readonly #processes = new Map<string, Known[]>();
  #node = '';
  #nodeBytes: Buffer = Buffer.alloc(0);
  readonly #scan = new Scan();

  constructor(options: TetragonOptions) {
    this.#options = options;
  }

  /** `where`: names the event for people. */
  read(bytes: Buffer, where: () => string): readonly SourceItem[] {
    const scan = this.#scan;
    const quick = scan.event(bytes) ? this.#known(bytes, scan) : undefined;
    if (quick !== undefined) return quick;
    const items = itemsOfTetragon(readTetragonMessage(GetEventsResponse.decode(bytes)), where(), this.#options);
    if (scan.isPlain) this.#learn(bytes, scan, items);
    else this.#forgetEnded(items);
    return items;
  }

  /** Processes that are found again by their bytes. */
  get processesKnown(): number {
    return this.#processes.size;
  }

  #known(bytes: Buffer, scan: Scan): SourceItem[] | undefined {
    const hooked = this.#hooks.get(scan.hookKey(bytes));
    if (hooked === undefined || hooked === null) return undefined;
    const variants = this.#processes.get(scan.execId(bytes));
    if (variants === undefined) return undefined;
    const node = this.#nodeOf(bytes, scan);
    const length = scan.processEnd - scan.processStart;
    for (const [at, known] of variants.entries()) {
      const { raw, process, thread } = known;
      if (raw.length !== length || known.node !== node) continue;
      if (raw.compare(bytes, scan.processStart, scan.processEnd) !== 0) continue;
      if (at > 0) {
        variants.splice(at, 1);
        variants.unshift(known);
      }
      const { call, argumentClass } = hooked;
      return [{ kind: 'call', thread, process, call, argumentClass, atMs: scan.atMs }];
    }
    return undefined;
  }

  #learn(bytes: Buffer, scan: Scan, items: readonly SourceItem[]): void {
    const [item] = items;
    if (items.length !== 1 || item?.kind !== 'call') return;
    const { call, argumentClass, process, thread } = item;
    if (scan.hookEnd - scan.hookStart <= hookBytesMax) {
      if (this.#hooks.size >= hooksMax) this.#hooks.clear();
      this.#hooks.set(scan.hookKey(bytes), { call, argumentClass });
    }
    const execId = scan.execId(bytes);
    const variants = this.#processes.get(execId) ?? [];
    this.#processes.delete(execId);
    this.#processes.set(execId, variants);
    // Copied: the bytes lie in a chunk that many events share.
    const raw = Buffer.from(bytes.subarray(scan.processStart, scan.processEnd));
    variants.unshift({ raw, node: this.#nodeOf(bytes, scan), thread, process });
    if (variants.length > variantsMax) variants.pop();
    if (this.#processes.size > processesMax) this.#processes.delete(this.#processes.keys().next().value as string);
  }

  /** Other threads of its process, if there are any, are learnt once more. */
  #forgetEnded(items: readonly SourceItem[]): void {
    for (const item of items) {
      if (item.kind !== 'end') continue;
      const execId = item.thread.slice(0, item.thread.lastIndexOf('/'));
      this.#processes.delete(Buffer.from(execId).toString('latin1'));
    }
  }

  #nodeOf(bytes: Buffer, { nodeStart, nodeEnd }: Scan): string {
    if (this.#nodeBytes.length === nodeEnd - nodeStart && this.#nodeBytes.compare(bytes, nodeStart, nodeEnd) === 0) {
      return this.#node;
    }
    this.#nodeBytes = Buffer.from(bytes.subarray(nodeStart, nodeEnd));
    this.#node = this.#nodeBytes.toString('utf8');
    return this.#node;
  }
}

/** Where the parts of an event lie in its bytes. One object for all events: nothing is made anew for each. */
class Scan {
  isPlain = false;
  atMs = 0;
  nodeStart = 0;
  nodeEnd = 0;
  processStart = 0;
  processEnd = 0;
  hookStart = 0;
  hookEnd = 0;
  #kind = '';
  #execStart = 0;
  #execEnd = 0;
  #at = 0;

  /** False for whatever is not plainly one call of one process: that is decoded whole. */
  event(bytes: Buffer): boolean {
    this.isPlain = false;
    this.atMs = 0;
    this.nodeStart = this.nodeEnd = 0;
    this.#at = 0;
    let body = 0;
    while (this.#at < bytes.length) {
      const tag = this.#varint(bytes);
      // Each is length-delimited.
      if ((tag & 7) !== 2) return false;
      const length = this.#varint(bytes);
      const start = this.#at;
      const end = start + length;
      if (!(end <= bytes.length)) return false;
      const field = tag >>> 3;
      if (field === tracepoint || field === kprobe) {
        body += 1;
        if (body > 1 || !this.#body(bytes, field, end)) return false;
      } else if (field === nodeName) {
        this.nodeStart = start;
        this.nodeEnd = end;
      } else if (field !== time || !this.#time(bytes, end)) return false;
      this.#at = end;
    }
    this.isPlain = body === 1 && this.#process(bytes);
    return this.isPlain;
  }

  /** The same for the same hook with the same arguments. */
  hookKey(bytes: Buffer): string {
    return this.#kind + bytes.toString('latin1', this.hookStart, this.hookEnd);
  }

  execId(bytes: Buffer): string {
    return bytes.toString('latin1', this.#execStart, this.#execEnd);
  }

  /** ProcessTracepoint: process 1, subsys 4, event 5, args 6. ProcessKprobe: process 1, function_name 3, args 4. */
  #body(bytes: Buffer, kind: number, end: number): boolean {
    const [first, last] = kind === tracepoint ? [4, 6] : [3, 4];
    this.#kind = kind === tracepoint ? 't' : 'k';
    this.hookStart = this.hookEnd = 0;
    let processes = 0;
    while (this.#at < end) {
      const began = this.#at;
      const tag = this.#varint(bytes);
      const field = tag >>> 3;
      const start = this.#skip(bytes, tag & 7);
      if (start < 0 || this.#at > end) return false;
      if (field === 1) {
        processes += 1;
        this.processStart = start;
        this.processEnd = this.#at;
      } else if (field >= first && field <= last) {
        if (this.hookEnd === 0) this.hookStart = began;
        this.hookEnd = this.#at;
      }
    }
    return processes === 1 && this.hookEnd > 0;
  }

  /** Process: exec_id is its first field. */
  #process(bytes: Buffer): boolean {
    if (bytes[this.processStart] !== 0x0a) return false;
    this.#at = this.processStart + 1;
    const length = this.#varint(bytes);
    this.#execStart = this.#at;
    this.#execEnd = this.#at + length;
    return length > 0 && this.#execEnd <= this.processEnd;
  }

  /** Seconds 1, nanos 2: milliseconds, as the decoder makes them. */
  #time(bytes: Buffer, end: number): boolean {
    let seconds = 0;
    let nanos = 0;
    while (this.#at < end) {
      const tag = bytes[this.#at++];
      if (tag === 0x08) seconds = this.#varint(bytes);
      else if (tag === 0x10) nanos = this.#varint(bytes);
      else return false;
    }
    this.atMs = seconds * 1_000 + Math.floor(nanos / 1e6);
    return isPlausibleTime(this.atMs) && nanos < 1e9 && this.#at === end;
  }

  /** Where the field's value begins; negative for a kind of field that there is none of here. */
  #skip(bytes: Buffer, wire: number): number {
    const start = this.#at;
    if (wire === 0) {
      this.#varint(bytes);
      return start;
    }
    if (wire === 2) {
      const length = this.#varint(bytes);
      const value = this.#at;
      this.#at += length;
      return value;
    }
    if (wire === 1) this.#at += 8;
    else if (wire === 5) this.#at += 4;
    else return -1;
    return start;
  }

  /** NaN where it does not end: comparisons with it are false, and the event is decoded whole. */
  #varint(bytes: Buffer): number {
    let byte = bytes[this.#at++] as number;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let scale = 128; scale <= 2 ** 49; scale *= 128) {
      byte = bytes[this.#at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    this.#at = Number.NaN;
    return Number.NaN;
  }
}
