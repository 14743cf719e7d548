import { ok, type Result } from '../../proto/fault.ts';
import { readTraceFile } from '../sources/trace-file.ts';
import { exampleCallsMax } from '../training/example.ts';

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

const casesPerFileMax = 10_000;

/** The canary attack set: a trace file, each trace's family being its attack class; lines that cannot be read are counted. */
export async function readAttackSet(path: string): Promise<{ attacks: Map<string, KnownCase[]>; unreadable: number }> {
  const attacks = new Map<string, KnownCase[]>();
  let unreadable = 0;
  let cases = 0;
  for await (const item of readTraceFile(path)) {
    if (item.kind !== 'trace') {
      unreadable += 1;
      continue;
    }
    const { family, service, calls } = item.trace;
    const attackClass = family
      .toLowerCase()
      .replace(/[^a-z0-9_-]/g, '-')
      .slice(0, 63);
    if (attackClass === '' || attackClass === 'normal' || calls.length === 0) continue;
    cases += 1;
    if (cases > casesPerFileMax) break;
    const known = attacks.get(attackClass) ?? [];
    known.push({ workload: service, calls: calls.slice(0, exampleCallsMax) });
    attacks.set(attackClass, known);
  }
  return { attacks, unreadable };
}

/** Every case judged by `assess`, in one batch, and put back where it came from. */
export async function judgeKnown(
  { attacks, falsePositives }: KnownCases,
  assess: (cases: readonly KnownCase[]) => Promise<Result<readonly (boolean | undefined)[]>>,
): Promise<Result<KnownVerdicts>> {
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
