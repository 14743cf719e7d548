import { type DestinationStream, type Logger, pino } from 'pino';
import type { Fault } from './fault.ts';

/** JSON lines: a fixed sentence, then fields. Keys, tokens, weights and system call traces never reach a log. */
export function createLog(level: string, destination: DestinationStream = pino.destination(1)): Logger {
  return pino({ level, base: { component: 'client' }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

/** A fault as log fields. */
export function faultFields(fault: Fault): Record<string, unknown> {
  return { code: fault.code, cause: fault.message, ...fault.fields };
}
