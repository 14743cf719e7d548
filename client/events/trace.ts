/** The ordered system calls of one process or thread. */
export type Trace = Readonly<{
  /** What the file says the trace is for: train, validation, attack, normal, intrusion. */
  split: string;
  /** The cluster it was recorded in; absent in files without that column. */
  cluster: string | undefined;
  /** The workload's class. In files without that column it is the family, which FHIDS and UNM use for it. */
  service: string;
  /** normal, drift, or what kind of attack. A label: detectors never read it. */
  family: string;
  name: string;
  /** When it ended, epoch milliseconds, where the file says so. */
  endedMs?: number | undefined;
  /** Ids of client/events/vocabulary.ts, in order. */
  calls: Uint16Array;
  /** One id of client/events/argument-class.ts for each call, where the source saw arguments. */
  argumentClasses?: Uint16Array | undefined;
}>;

/** Whether the labels say that nothing hostile is in it. */
export function isBenign(trace: Pick<Trace, 'split'>): boolean {
  return trace.split !== 'attack' && trace.split !== 'intrusion';
}

/** Two traces with this key in common are the same calls, whatever their names: what "split by content" splits by. */
export function contentKey(calls: Uint16Array): string {
  // FNV-1a twice with different offsets: 64 bits are plenty to tell some thousand traces apart.
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (const call of calls) {
    low = Math.imul(low ^ call, 0x01000193);
    high = Math.imul(high ^ (call + 0x9e37), 0x01000193);
  }
  return `${calls.length}.${(low >>> 0).toString(36)}.${(high >>> 0).toString(36)}`;
}

/** Longer traces are cut into pieces of so many calls before a track sees them, so that every record is bounded. */
export const pieceCallsMax = 4_096;
