import { existsSync } from 'node:fs';
import { onOneLine } from '../../../base/text/printable.ts';
import { recordedPath } from '../../../lab/data/recorded-traces.ts';

/** One thing that a drill looked at. `not measured`: what would have told is not there, and `happened` says what. */
export type Check = Readonly<{
  what: string;
  expected: string;
  happened: string;
  verdict: 'as expected' | 'NOT as expected' | 'not measured';
  /** What to do about it, where it is not as expected. */
  remedy?: string;
}>;

/** What a drill is, for those who decide whether to run it. */
export type Drill = Readonly<{
  name: string;
  /** The question that it answers. */
  asks: string;
  /** What it will do. */
  does: string;
  /** What should happen. */
  expects: string;
  /** What it needs. */
  needs: string;
  /** What it leaves behind. */
  undoes: string;
  /** Touches nothing but what it made itself: may be run at any hour by nobody in particular. */
  isHarmless: boolean;
}>;

export function checkThat(
  what: string,
  expected: string,
  happened: string,
  isAsExpected: boolean,
  remedy?: string,
): Check {
  const told = isAsExpected || remedy === undefined ? {} : { remedy };
  return { what, expected, happened, verdict: isAsExpected ? 'as expected' : 'NOT as expected', ...told };
}

export function notMeasured(what: string, expected: string, why: string, remedy?: string): Check {
  return { what, expected, happened: why, verdict: 'not measured', ...(remedy === undefined ? {} : { remedy }) };
}

/** What a drill will do, for people, before it does it. */
export function introduction({ name, asks, does, expects, undoes }: Drill): string {
  return [`${name}: ${asks}`, `  will do: ${does}`, `  should:  ${expects}`, `  after:   ${undoes}`].join('\n');
}

const marks: Readonly<Record<Check['verdict'], string>> = {
  'as expected': 'ok',
  'NOT as expected': 'NOT OK',
  'not measured': 'unknown',
};

/** For people; texts of the cluster's stand on one line each. */
export function reportText(checks: readonly Check[]): string {
  const parts = checks.map(({ what, expected, happened, verdict, remedy }, at) =>
    [
      `${at + 1}. ${marks[verdict]}: ${what}`,
      `     should: ${expected}`,
      `     ${verdict === 'not measured' ? 'not measured' : 'did'}: ${happened}`,
      ...(remedy === undefined ? [] : [`     do: ${remedy}`]),
    ]
      .map(onOneLine)
      .join('\n'),
  );
  return `${parts.join('\n')}\n\n${conclusion(checks)}`;
}

/** What a hurried reader takes away. */
function conclusion(checks: readonly Check[]): string {
  const numbers = (verdict: Check['verdict']) =>
    checks.flatMap((check, at) => (check.verdict === verdict ? [at + 1] : []));
  const [good, bad, blind] = (['as expected', 'NOT as expected', 'not measured'] as const).map(numbers) as [
    number[],
    number[],
    number[],
  ];
  const count = `${good.length} as expected, ${bad.length} not as expected, ${blind.length} not measured`;
  const doubt = blind.length === 0 ? '' : ` Of ${blind.join(', ')} nothing is known: it may hold or not.`;
  if (bad.length > 0) return `${count}. Do not rely on this before ${bad.join(', ')} is mended.${doubt}`;
  if (good.length === 0)
    return `${count}. Nothing was learnt: this run says neither that it works nor that it does not.`;
  return `${count}. What was measured works.${doubt}`;
}

// What those drills say of themselves that learn and judge stands here: lists and helps read it, and load none of what these need.

/** What every drill in a rehearsal does before anything else. */
export const rehearsed =
  'start a federation of its own on this machine (a coordinator and five clusters as real processes, on loopback and on recorded ' +
  'system calls; yours is not asked and not touched)';
export const rehearsalNeeds =
  "about a minute or two, two gigabytes of memory, and the recorded traces that come with the package's source";
export const rehearsalUndoes =
  'its processes are ended and its files deleted, also when it fails or is interrupted half-way';

/** Whether there is anything to rehearse with: images do not carry the recorded traces. */
export const canRehearse = () => existsSync(recordedPath);

export const lateralMovement: Drill = {
  name: 'lateral-movement',
  asks: 'if an intruder walked from service to service here, would the flow track see it?',
  does:
    'learn what is usual from the earlier part of recorded flows; put walks that never happened between services that never call each other into the later ' +
    'part, and judge it all, in this process; name your own flows with --flows and your model with --model',
  expects:
    'every walk has at least one step among the one per cent of edges that are strangest for this cluster, while few normal edges are',
  needs:
    'flows in the layout of data/recorded/flows.csv.gz, of one cluster; without --flows, the ones that come with the source',
  undoes: 'nothing was touched; its scratch files are deleted',
  isHarmless: true,
};
