import { durationText } from '../../base/text/duration.ts';
import { shapeOfSkipped } from '../events/line-shape.ts';
import type { SkipReason, SourceItem } from '../events/source-item.ts';
import type { FileAt } from './file-at.ts';

/** How a source may be blind. A closed set: it labels a metric. */
export const blindStates = ['MISSING', 'SILENT', 'MOSTLY_SKIPPED', 'FAILED'] as const;
export type BlindState = (typeof blindStates)[number];

export type Blindness = Readonly<{
  /** As sourceName says. */
  source: string;
  state: BlindState;
  /** For people: what is wrong and where to look. */
  message: string;
  /** Why most of what was skipped lately was skipped. */
  reason: SkipReason | undefined;
  /** Of how many records looked at last, how many were skipped. */
  lookedAt: number;
  skipped: number;
  /** One record that was skipped for that reason: where it stands and what it looks like, and nothing of what it says. */
  example: Readonly<{ where: string; shape: string | undefined }> | undefined;
}>;

export type SourceHealthParts = Readonly<{
  source: string;
  /** Silence for this long is blindness; null: silence says nothing, as with a source of alerts. */
  silentMsMax: number | null;
  startedMs: number;
}>;

/** Passed over as they should be: they say nothing about how well the rest is understood. */
const asItShouldBe: ReadonlySet<SkipReason> = new Set<SkipReason>([
  'OTHER_SPLIT',
  'IGNORED_EVENT_TYPE',
  'NODE_STATUS',
  'REPEATED',
]);

const ringSize = 1_024;
/** Fewer records say nothing yet about a source that goes on. */
const enoughRecords = 20;

/** Whether one source sees anything: of the last records the share that was understood, and when one last was. Times are steady. */
export class SourceHealth {
  readonly #parts: SourceHealthParts;
  /** The last records: undefined where it was understood. */
  readonly #ring: (SkipReason | undefined)[] = [];
  #next = 0;
  #usable = 0;
  /** When its file was last looked at; and whether anything of use came between that and the look before. */
  #usableBefore = 0;
  #speaks = false;
  #lastUsableMs: number;
  readonly #examples = new Map<SkipReason, Blindness['example']>();
  #isMissing = false;
  #closedBy: Extract<FileAt, { kind: 'CLOSED' }> | undefined;
  #hasEnded = false;
  /** It goes on behind what an earlier run read: nothing new is nothing wrong. */
  #goesOn = false;
  #failure: string | undefined;

  constructor(parts: SourceHealthParts) {
    this.#parts = parts;
    this.#lastUsableMs = parts.startedMs;
  }

  /** Whether anything has come of it yet, understood or not. */
  get hasSpoken(): boolean {
    return this.#ring.length > 0;
  }

  saw(item: SourceItem, nowMs: number): void {
    switch (item.kind) {
      case 'skipped':
        if (asItShouldBe.has(item.reason)) return;
        if (!this.#examples.has(item.reason)) {
          this.#examples.set(item.reason, { where: item.where, shape: shapeOfSkipped(item) });
        }
        this.#push(item.reason);
        return;
      case 'end':
      case 'repaired':
      case 'lost':
        return;
      default:
        this.#usable += 1;
        this.#lastUsableMs = nowMs;
        this.#push(undefined);
    }
  }

  /** What was understood, and of no use to a track after all, such as flows that came too late. */
  passedOver(reason: SkipReason, where: string, count: number): void {
    if (asItShouldBe.has(reason)) return;
    if (!this.#examples.has(reason)) this.#examples.set(reason, { where, shape: undefined });
    let left = count;
    for (let back = 1; back <= this.#ring.length && left > 0; back += 1) {
      const at = (this.#next - back + ringSize) % ringSize;
      if (at >= this.#ring.length || this.#ring[at] !== undefined) continue;
      this.#ring[at] = reason;
      left -= 1;
    }
  }

  /** How its file was found. What was opened before may still be read where it can be opened no longer. */
  foundAt(file: FileAt): void {
    this.#speaks = this.#usable > this.#usableBefore;
    this.#usableBefore = this.#usable;
    this.#isMissing = file.kind === 'MISSING';
    this.#closedBy = file.kind === 'CLOSED' ? file : undefined;
  }

  goesOn(): void {
    this.#goesOn = true;
  }

  ended(): void {
    this.#hasEnded = true;
  }

  failed(why: string): void {
    this.#failure = why;
  }

  /** It was opened again after it had failed, and answers. */
  reopened(): void {
    this.#failure = undefined;
  }

  /** How it is blind, if it is. */
  blindness(nowMs: number): Blindness | undefined {
    const { source, silentMsMax } = this.#parts;
    const skipped = this.#ring.filter((reason) => reason !== undefined).length;
    const lookedAt = this.#ring.length;
    const reason = this.#commonest();
    const example = reason === undefined ? undefined : this.#examples.get(reason);
    const blind = (state: BlindState, what: string): Blindness => {
      const looks = example?.shape === undefined ? '' : `, which looks like ${example.shape}`;
      const most = reason === undefined ? '' : `, most as ${reason}, such as ${example?.where}${looks}`;
      const records = skipped === 0 ? '' : `; ${skipped} of the last ${lookedAt} records were skipped${most}`;
      return { source, state, message: `${what}${records}`, reason, lookedAt, skipped, example };
    };
    if (this.#failure !== undefined) return blind('FAILED', this.#failure);
    // Also where it has spoken: rotation may leave a file that only others may read.
    if (this.#closedBy !== undefined && !this.#hasEnded && !this.#speaks) {
      return blind('FAILED', `${this.#closedBy.code}: ${this.#closedBy.remedy}`);
    }
    if (this.#isMissing && !this.hasSpoken) {
      return blind('MISSING', 'the file is not there, and has not been since the start: check path and mount');
    }
    const isEnough = lookedAt >= enoughRecords || this.#hasEnded;
    if (isEnough && lookedAt > 0 && skipped * 2 > lookedAt) {
      return blind(
        'MOSTLY_SKIPPED',
        'most of what comes is not understood: check the kind of the source and its format',
      );
    }
    if (this.#hasEnded) {
      const isEmpty = this.#usable === 0 && !this.#goesOn;
      return isEmpty ? blind('SILENT', 'it was read to its end, and nothing of it is of use') : undefined;
    }
    const silentMs = nowMs - this.#lastUsableMs;
    if (silentMsMax === null || silentMs < silentMsMax) return undefined;
    return blind(
      'SILENT',
      `nothing of use has come for ${durationText(silentMs)}: check that the sensor runs and writes here`,
    );
  }

  #push(reason: SkipReason | undefined): void {
    this.#ring[this.#next] = reason;
    this.#next = (this.#next + 1) % ringSize;
  }

  #commonest(): SkipReason | undefined {
    const counts = new Map<SkipReason, number>();
    for (const reason of this.#ring) if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
  }
}
