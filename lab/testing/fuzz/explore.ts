import type { Random } from '../../../base/random.ts';
import type { BranchCoverage } from './coverage.ts';
import { type Costs, type Finding, judge } from './judge.ts';
import { mutantOf, piecesWith } from './mutants.ts';
import type { Target } from './target.ts';

export type Explored = Readonly<{
  /** Inputs that each reached a branch which none before it had, seeds first. */
  kept: readonly Uint8Array[];
  /** The first of each kind. */
  findings: readonly Finding[];
  inputs: number;
}>;

export type ExploreOptions = Readonly<{
  inputs: number;
  random: Random;
  /** Absent: nothing is learnt from what runs, and mutants are those of the start's alone. */
  coverage?: BranchCoverage | undefined;
  /** What earlier searches kept. */
  corpus?: readonly Uint8Array[];
  costs?: Costs | undefined;
}>;

const batchSize = 256;

/**
 * Mutants of what is kept; whatever reaches a new branch is kept and mutated in turn. Coverage is asked for after each batch,
 * and one input at a time where the batch reached something new.
 */
export async function explore(target: Target, options: ExploreOptions): Promise<Explored> {
  const { inputs, random, coverage, corpus = [], costs } = options;
  const pieces = piecesWith((target.words ?? []).map((word) => Buffer.from(word)));
  const findings = new Map<string, Finding>();
  const kept: Uint8Array[] = [...target.seeds(), ...corpus];
  const run = async (input: Uint8Array) => {
    const finding = await judge(target, input, costs);
    if (finding !== undefined && !findings.has(kindOf(finding.what))) findings.set(kindOf(finding.what), finding);
  };
  for (const input of kept) await run(input);
  coverage?.anythingNew({ remember: true });
  for (let done = 0; done < inputs; done += batchSize) {
    const batch = Array.from({ length: Math.min(batchSize, inputs - done) }, () => mutantOf(kept, pieces, random));
    for (const input of batch) await run(input);
    if (!coverage?.anythingNew({ remember: false })) continue;
    for (const input of batch) {
      await run(input);
      if (coverage.anythingNew({ remember: true })) kept.push(input);
    }
  }
  return { kept, findings: [...findings.values()], inputs };
}

/** The fewest inputs, short ones first, that reach all that these reach. */
export async function smallest(
  target: Target,
  inputs: readonly Uint8Array[],
  coverage: BranchCoverage,
): Promise<Uint8Array[]> {
  const needed: Uint8Array[] = [];
  coverage.forget();
  for (const input of target.seeds()) await judge(target, input);
  coverage.anythingNew({ remember: true });
  for (const input of inputs.toSorted((one, other) => one.length - other.length)) {
    await judge(target, input);
    if (coverage.anythingNew({ remember: true })) needed.push(input);
  }
  return needed;
}

/** Where it was thrown, or what it is: a thousand inputs find one bug. */
export function kindOf(what: string): string {
  const [first = '', second = ''] = what.replace(/\d+/g, '0').split('\n');
  return `${first.slice(0, 60)} ${second}`;
}
