import { type DestinationStream, type Logger, pino } from 'pino';
import type { Fault } from './fault.ts';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Fields that may never reach a log, at the three uppermost levels of what is logged (I10): nothing deeper is handed to it. */
const secretFields = [
  'secret',
  'token',
  'key',
  'secretKey',
  'privateKey',
  'masterKey',
  'dataKey',
  'signingSeed',
  'signature',
  'password',
  'authorization',
  'delta',
  'weights',
  'values',
  'chunk',
];

export type LogOptions = Readonly<{
  /** Stand in every line: who wrote it. */
  fields?: Readonly<Record<string, string>>;
  /** Standard error unless given. */
  to?: 'standard output' | 'standard error' | DestinationStream;
}>;

/** JSON lines: a fixed sentence and fields named as in code. */
export function makeLog(level: LogLevel, { fields = { app: 'testudo' }, to = 'standard error' }: LogOptions = {}): Log {
  return pino(
    {
      level,
      base: fields,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[redacted]' },
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError },
    },
    typeof to === 'object' ? to : destinationOf(to),
  );
}

/** A fault as log fields. */
export function faultFields(fault: Fault): Record<string, unknown> {
  return { code: fault.code, cause: fault.message, ...fault.fields };
}

function destinationOf(to: 'standard output' | 'standard error'): DestinationStream {
  return to === 'standard output' ? pino.destination(1) : pino.destination({ dest: 2, sync: false });
}

/** An error without its own fields: they may hold what the call was given. */
function describeError(error: unknown) {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack } = error;
  return { type: name, message, stack, ...(error.cause instanceof Error ? { cause: error.cause.message } : {}) };
}
