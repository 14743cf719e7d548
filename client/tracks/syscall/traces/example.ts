import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { pieceCallsMax } from '../../../events/trace.ts';
import type { Observed } from '../../detector.ts';

/**
 * What a detector learns from: the ordered calls of one process or thread, or a piece of them.
 * `calls` are ids of the detector's vocabulary, shape [n], 1 to `pieceCallsMax`.
 */
export type Example = Readonly<{
  /** The workload's class, such as "nginx"; at most 128 characters. */
  workload: string;
  calls: Uint16Array;
  /** One id for each call, where the source saw arguments: hashed path class and port class. */
  argumentClasses?: Uint16Array;
}>;

/** An example as detectors that do not read arguments take it. */
export function observed({ workload, calls }: Example): Observed {
  return { service: workload, calls };
}

const workloadLengthMax = 128;
const headBytes = 4;

/** Workload length, flags, workload, then the calls and the argument classes, little-endian. */
export function encodeExample({ workload, calls, argumentClasses }: Example): Buffer {
  const name = Buffer.from(workload, 'utf8');
  if (calls.length < 1 || calls.length > pieceCallsMax || name.length > workloadLengthMax * 4) {
    throw new RangeError(`example: expected 1 to ${pieceCallsMax} calls and a short workload, got ${calls.length}`);
  }
  if (argumentClasses !== undefined && argumentClasses.length !== calls.length) {
    throw new RangeError(`example: ${argumentClasses.length} argument classes for ${calls.length} calls`);
  }
  const head = Buffer.alloc(headBytes);
  head.writeUInt16LE(name.length, 0);
  head.writeUInt16LE(argumentClasses === undefined ? 0 : 1, 2);
  return Buffer.concat([
    head,
    name,
    bytesOf(calls),
    ...(argumentClasses === undefined ? [] : [bytesOf(argumentClasses)]),
  ]);
}

export function decodeExample(bytes: Uint8Array): Result<Example, 'EXAMPLE_MALFORMED'> {
  const malformed = refuse('EXAMPLE_MALFORMED', `example: ${bytes.length} bytes that this build did not write`);
  if (bytes.length < headBytes) return malformed;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const nameLength = view.getUint16(0, true);
  const flags = view.getUint16(2, true);
  const parts = flags === 0 ? 1 : 2;
  const rest = bytes.length - headBytes - nameLength;
  if (flags > 1 || rest < 2 * parts || rest % (2 * parts) !== 0) return malformed;
  const workload = Buffer.from(bytes.subarray(headBytes, headBytes + nameLength)).toString('utf8');
  // What `encodeExample` refuses to write: sensors send examples that are written into the buffer again.
  if (rest / (2 * parts) > pieceCallsMax || Buffer.byteLength(workload) > workloadLengthMax * 4) return malformed;
  // Copied: the records lie at odd offsets of a shared pool.
  const values = Uint8Array.from(bytes.subarray(headBytes + nameLength));
  const words = new Uint16Array(values.buffer, values.byteOffset, rest / 2);
  if (parts === 1) return ok({ workload, calls: words });
  return ok({
    workload,
    calls: words.subarray(0, words.length / 2),
    argumentClasses: words.subarray(words.length / 2),
  });
}

function bytesOf(words: Uint16Array): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}
