import type { Refused } from '../base/fault.ts';
import { type AggregationFaultCode, refuse } from './fault.ts';

/**
 * What each rule needs of n and f, in one place, so that policies, rules and messages cannot disagree. Nothing here
 * clamps: too small an n keeps the name of a guarantee that no longer holds.
 */
export type Needs = Readonly<{
  rule: string;
  formula: string;
  nMin: (f: number) => number;
  fMax: (n: number) => number;
}>;

export const needs = {
  krum: need('Krum', 'n >= 2f + 3', 2, 3),
  multiKrum: need('Multi-Krum', 'n >= 2f + 3', 2, 3),
  bulyan: need('Bulyan', 'n >= 4f + 3', 4, 3),
  /** Rules that a trusted sample decides: no majority, only somebody honest. */
  trusted: need('a rule with a trusted sample', 'n >= f + 1', 1, 1),
  holders: need('aggregation among declared holders', 'n >= 1', 0, 1),
  /** Every other rule: honest rows in the majority. */
  majority: need('the rule', 'n >= 2f + 1', 2, 1),
} as const;

/**
 * So many liars among the h >= 1 clusters that declare a class does a rule withstand in it, where the policy is for f: by a
 * sample that holds the class, or by the median of those who declare it.
 */
export const withstoodAmong = {
  sampledHolders: (h: number, f: number) => Math.max(0, Math.min(f, h - 1)),
  medianOfHolders: (h: number, f: number) => Math.max(0, Math.min(f, Math.floor((h - 1) / 2))),
} as const;

/** The fault if n rows are not enough for f of them to be Byzantine, otherwise nothing. */
export function refuseRows(needed: Needs, n: number, f: number): Refused<AggregationFaultCode> | undefined {
  if (n < 1) return refuse('EMPTY_INPUT', 'need at least one update');
  if (!Number.isInteger(f) || f < 0) {
    return refuse('F_INVALID', `f must be an integer in 0..${Math.max(0, needed.fMax(n))} for n=${n}, got ${f}`, { f });
  }
  if (n >= needed.nMin(f)) return undefined;
  const remedy =
    needed.fMax(n) < 0 ? `send at least ${needed.nMin(0)} updates` : `lower f to at most ${needed.fMax(n)}`;
  return refuse(
    'N_TOO_SMALL',
    `${needed.rule} needs ${needed.formula}: f=${f} takes at least ${needed.nMin(f)} updates, got ${n}; wait for more or ${remedy}`,
    { n, f, nMin: needed.nMin(f), fMax: needed.fMax(n) },
  );
}

/** The fault if `value` is not an integer in [least, most], otherwise nothing. */
export function refuseInteger(
  code: AggregationFaultCode,
  name: string,
  value: number,
  least: number,
  most: number,
): Refused<AggregationFaultCode> | undefined {
  if (Number.isInteger(value) && value >= least && value <= most) return undefined;
  return refuse(code, `${name} must be an integer in ${least}..${most}, got ${value}`, { [name]: value, least, most });
}

/** The fault if `value` is not a finite number above zero, otherwise nothing. */
export function refusePositive(name: string, value: number): Refused<AggregationFaultCode> | undefined {
  if (Number.isFinite(value) && value > 0) return undefined;
  return refuse('PARAMETER_OUT_OF_RANGE', `${name} must be a finite number above 0, got ${value}`, { [name]: value });
}

function need(rule: string, formula: string, perF: number, more: number): Needs {
  return {
    rule,
    formula,
    nMin: (f) => perF * f + more,
    fMax: (n) => (n < more ? -1 : perF === 0 ? n : Math.floor((n - more) / perF)),
  };
}
