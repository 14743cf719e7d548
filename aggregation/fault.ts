/**
 * The shape of base/fault.ts, mirrored: aggregation is a leaf and imports nothing of ours. A refusal that we expect
 * travels as a value; `message` says what was wrong, the legal range and the remedy.
 */
export type Fault<Code extends string = string> = Readonly<{
  code: Code;
  message: string;
  fields?: Readonly<Record<string, string | number | boolean>>;
}>;

export type Ok<Value> = Readonly<{ ok: true; value: Value }>;
export type Refused<Code extends string = string> = Readonly<{ ok: false; fault: Fault<Code> }>;
export type Result<Value, Code extends string = string> = Ok<Value> | Refused<Code>;

/** Every reason for which aggregation says no. */
export type AggregationFaultCode =
  | 'EMPTY_INPUT'
  | 'LENGTH_MISMATCH'
  | 'NON_FINITE'
  | 'F_INVALID'
  | 'N_TOO_SMALL'
  | 'M_OUT_OF_RANGE'
  | 'TRIM_OUT_OF_RANGE'
  | 'PARAMETER_OUT_OF_RANGE'
  | 'TOO_MANY_SUBSETS'
  | 'TOO_FEW_ADMITTED'
  | 'CONTEXT_MISSING'
  | 'POLICY_INVALID';

export type AggregationFault = Fault<AggregationFaultCode>;
export type Aggregated<Value> = Result<Value, AggregationFaultCode>;

export function ok<Value>(value: Value): Ok<Value> {
  return { ok: true, value };
}

export function refuse<Code extends AggregationFaultCode>(
  code: Code,
  message: string,
  fields?: Fault['fields'],
): Refused<Code> {
  return { ok: false, fault: fields === undefined ? { code, message } : { code, message, fields } };
}
