import { type Fault, FaultError, type Result } from '../base/fault.ts';
import type { ServedFaultCode } from '../proto/served-faults.ts';
import { complain } from './print.ts';

/** What a script can tell from how a command ended. */
export const exitCodes = {
  done: 0,
  /** The request was understood and refused; the code stands on standard error. */
  refused: 1,
  /** The command line is wrong by itself, whatever stands in files and at the coordinator. */
  usage: 2,
  /** Nobody answered: try again later. */
  unreachable: 3,
  /** What was asked for was answered, and something in the answer wants somebody's attention. */
  attention: 4,
  /** What was asked for may have been done, or its first half was: look before it is asked for again. */
  unknown: 5,
} as const;

/** The second kind of name is of faults without a code of ours: a proxy in between, or nobody there. */
const unreachableCodes: ReadonlySet<string> = new Set<ServedFaultCode | `GRPC_${string}`>([
  'GRPC_UNAVAILABLE',
  'GRPC_DEADLINE_EXCEEDED',
  'DRAINING',
]);

/** The value, or the end of the process with the fault on standard error. */
export function orExit<Value>(result: Result<Value>): Value {
  return result.ok ? result.value : exitWith(result.fault);
}

/** The command line is wrong: says how it would be right. */
export function usage(message: string): never {
  complain(`USAGE: ${message}`);
  process.exit(exitCodes.usage);
}

export function exitWith(fault: Fault): never {
  complain(`${fault.code}: ${fault.message}`);
  process.exit(codeOf(fault));
}

/** The same where something is still to be closed or written: the process ends by itself, and with that code. */
export function endWith(fault: Fault): void {
  complain(`${fault.code}: ${fault.message}`);
  process.exitCode = codeOf(fault);
}

function codeOf(fault: Fault): number {
  if (fault.code === 'USAGE') return exitCodes.usage;
  if (fault.code === 'OUTCOME_UNKNOWN' || fault.code === 'HALF_DONE') return exitCodes.unknown;
  return isUnreachable(fault) ? exitCodes.unreachable : exitCodes.refused;
}

/** Whether nobody answered: who asks again later may be answered. */
export function isUnreachable({ code }: Fault): boolean {
  return unreachableCodes.has(code);
}

/** What may help where the system refused. */
const remedies: Readonly<Record<string, string>> = {
  ENOENT: 'is the path right?',
  ENOTDIR: 'is the path right?',
  EEXIST: 'name another place, or move it away first',
  EISDIR: 'name a file, not a folder',
  EACCES: 'may this user read and write there?',
  EPERM: 'may this user read and write there?',
  EROFS: 'name a place that can be written',
  EFBIG: 'is it the right file?',
  ENOSPC: 'make room, or name another place',
  EDQUOT: 'make room, or name another place',
  EADDRINUSE: 'another process listens there: end it, or name another port',
};

/**
 * Faults that are thrown and no fault of ours: what is not installed, a track that somebody else wrote, a key that a disk changed,
 * a process that says itself why it ended.
 */
const othersToMend: ReadonlySet<string> = new Set([
  'ADD_ON_MISSING',
  'TRACK_UNLOADABLE',
  'KEY_DAMAGED',
  'PROCESS_ENDED',
  'INTERRUPTED',
]);

/**
 * What was thrown as a fault, where it is none of ours: what the system refused (a file that is not there, a full disk) as a sentence.
 * undefined for everything else: that is a fault of ours, whose stack says where.
 */
export function faultOfThrown(error: unknown): Fault | undefined {
  if (error instanceof FaultError && othersToMend.has(error.fault.code)) return error.fault;
  const { code, errno, message } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  if (typeof errno !== 'number' || code === undefined) return undefined;
  const remedy = remedies[code];
  return { code: 'SYSTEM_REFUSED', message: `${message}${remedy === undefined ? '' : `; ${remedy}`}` };
}

/** The end of the process with what no verb has caught. */
export function exitUncaught(error: unknown): never {
  const fault = faultOfThrown(error);
  if (fault === undefined) throw error;
  return exitWith(fault);
}
