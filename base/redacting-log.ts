import pino from 'pino';

export type Log = pino.Logger;

/** Fields that may never reach a log, wherever they stand in what is logged (I10). */
const secretFields = [
  'secret',
  'token',
  'key',
  'secretKey',
  'privateKey',
  'masterKey',
  'signature',
  'password',
  'authorization',
  'delta',
  'weights',
  'values',
  'chunk',
];

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines: a fixed sentence and fields named as in code. `destination` is standard error unless given. */
export function makeLog(
  level: LogLevel,
  destination: pino.DestinationStream = pino.destination({ dest: 2, sync: false }),
): Log {
  return pino(
    {
      level,
      base: { app: 'testudo' },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[redacted]' },
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError },
    },
    destination,
  );
}

/** An error without its own fields: they may hold what the call was given. */
function describeError(error: unknown) {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack } = error;
  return { type: name, message, stack, ...(error.cause instanceof Error ? { cause: error.cause.message } : {}) };
}
