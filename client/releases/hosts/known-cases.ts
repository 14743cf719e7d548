import { ok, type Result } from '../../../base/fault.ts';

/** An example of the track's kind: only its host knows what is in it. */
export type KnownCase = unknown;

/** Cases whose answer is known: what a release is held against before it may replace another. */
export type KnownCases = Readonly<{
  /** Attack class to cases that must raise an alarm. */
  attacks: ReadonlyMap<string, readonly KnownCase[]>;
  /** Marked by an operator: these must not. */
  falsePositives: readonly KnownCase[];
}>;

/** For each case whether a model is alarmed; undefined where it has no threshold for the case's workload. */
export type KnownVerdicts = Readonly<{
  attacks: ReadonlyMap<string, readonly (boolean | undefined)[]>;
  falsePositives: readonly (boolean | undefined)[];
}>;

/** The class of intrusions that an operator confirmed in this cluster. */
export const confirmedClass = 'confirmed';

/** Every case judged by `assess`, in one batch, and put back where it came from. */
export async function judgeKnown<Code extends string>(
  { attacks, falsePositives }: KnownCases,
  assess: (cases: readonly KnownCase[]) => Promise<Result<readonly (boolean | undefined)[], Code>>,
): Promise<Result<KnownVerdicts, Code>> {
  const classes = [...attacks];
  const assessed = await assess([...classes.flatMap(([, cases]) => cases), ...falsePositives]);
  if (!assessed.ok) return assessed;
  const verdicts = new Map<string, readonly (boolean | undefined)[]>();
  let at = 0;
  for (const [attackClass, cases] of classes) {
    verdicts.set(attackClass, assessed.value.slice(at, at + cases.length));
    at += cases.length;
  }
  return ok({ attacks: verdicts, falsePositives: assessed.value.slice(at) });
}
