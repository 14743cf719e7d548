import { createHash } from 'node:crypto';
import type { TraceExplanation } from '../detectors/syscall/explain.ts';
import type { ProcessIdentity } from '../sources/source-item.ts';
import type { AssembledTrace } from '../sources/trace-assembler.ts';

/** One line of the alert file. */
export type Alert = Readonly<{
  id: string;
  at: string;
  track: string;
  modelVersion: number;
  score: number;
  threshold: number;
  process: ProcessIdentity;
  calls: number;
  /** Nothing where the explanation itself failed: an alert is not held back for it. */
  explanation: TraceExplanation | undefined;
  /** What the least expected calls named, such as "path:credentials". */
  arguments: readonly string[];
  /** Calls that the workload's baseline never made; empty where it has none. */
  neverSeen: readonly string[];
  text: string;
  /** Rules of other tools that spoke of the same pod at about the same time. */
  labels: readonly string[];
}>;

/** The same trace has the same id, also when it is read again after a crash: "a-" and 16 hexadecimal digits. */
export function alertId({ thread, piece, firstMs, calls }: AssembledTrace): string {
  const hash = createHash('sha256').update(`${thread}/${piece}/${firstMs}/`);
  hash.update(new Uint8Array(calls.buffer, calls.byteOffset, calls.byteLength));
  return `a-${hash.digest('hex').slice(0, 16)}`;
}

export function isAlertId(text: string): boolean {
  return /^a-[0-9a-f]{16}$/.test(text);
}
