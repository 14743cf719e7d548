import { type Fault, type Refused, type Result, refuse as refuseFor } from '../base/fault.ts';

export { ok } from '../base/fault.ts';

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

/** A refusal with a code of aggregation's own. */
export function refuse<Code extends AggregationFaultCode>(
  code: Code,
  message: string,
  fields?: Fault['fields'],
): Refused<Code> {
  return refuseFor(code, message, fields);
}
