import { onOneLine } from '../../../base/text/printable.ts';

/** One thing that a drill looked at. `not measured`: what would have told is not there, and `happened` says what. */
export type Check = Readonly<{
  what: string;
  expected: string;
  happened: string;
  verdict: 'as expected' | 'NOT as expected' | 'not measured';
}>;

/** What a drill is, for those who decide whether to run it. */
export type Drill = Readonly<{
  name: string;
  /** What it will do. */
  does: string;
  /** What it needs. */
  needs: string;
  /** What it leaves behind. */
  undoes: string;
}>;

export function checkThat(what: string, expected: string, happened: string, isAsExpected: boolean): Check {
  return { what, expected, happened, verdict: isAsExpected ? 'as expected' : 'NOT as expected' };
}

export function notMeasured(what: string, expected: string, why: string): Check {
  return { what, expected, happened: why, verdict: 'not measured' };
}

/** For people; texts of the cluster's stand on one line each. */
export function reportText(checks: readonly Check[]): string {
  const parts = checks.map(({ what, expected, happened, verdict }) =>
    [`${verdict}: ${what}`, `  should: ${expected}`, `  did:    ${happened}`].map(onOneLine).join('\n'),
  );
  const count = (verdict: Check['verdict']) => checks.filter((check) => check.verdict === verdict).length;
  const [good, bad, blind] = (['as expected', 'NOT as expected', 'not measured'] as const).map(count);
  return `${parts.join('\n')}\n\n${good} as expected, ${bad} not as expected, ${blind} not measured`;
}
