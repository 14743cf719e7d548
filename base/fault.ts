/**
 * A refusal that we expect, as a value: `code` is for programs, `message` for people (what was wrong, the legal range,
 * the remedy), `fields` for logs. A fault never carries key material, weights or tokens.
 */
export type Fault<Code extends string = string> = Readonly<{
  code: Code;
  message: string;
  fields?: Readonly<Record<string, string | number | boolean>>;
}>;

export type Ok<Value> = Readonly<{ ok: true; value: Value }>;
export type Refused<Code extends string = string> = Readonly<{ ok: false; fault: Fault<Code> }>;
export type Result<Value, Code extends string = string> = Ok<Value> | Refused<Code>;

export function ok<Value>(value: Value): Ok<Value> {
  return { ok: true, value };
}

export function refuse<Code extends string>(code: Code, message: string, fields?: Fault['fields']): Refused<Code> {
  return { ok: false, fault: fields === undefined ? { code, message } : { code, message, fields } };
}

/** Carries a fault through code that can only throw: streams, worker threads, construction. */
export class FaultError<Code extends string = string> extends Error {
  readonly fault: Fault<Code>;

  constructor(fault: Fault<Code>, options?: ErrorOptions) {
    super(`${fault.code}: ${fault.message}`, options);
    this.name = 'FaultError';
    this.fault = fault;
  }
}

/** The value, or a thrown FaultError: for callers to whom a refusal is a broken invariant of their own. */
export function unwrap<Value>(result: Result<Value>): Value {
  if (result.ok) return result.value;
  throw new FaultError(result.fault);
}
