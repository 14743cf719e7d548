import { shortDigest } from '../../base/text/table.ts';
import { type Antibody, antibodyBytes } from '../../proto/antibody.ts';
import { digestOf } from '../../proto/digest.ts';
import type { Refusal, Vaccination } from './panel.ts';

const why: Readonly<Record<Refusal, string>> = {
  'few-examples': 'too few examples confirm it',
  learning: 'too few normal examples to try it on',
  'looks-normal': 'it describes what is normal there',
  oversized: 'no example has so many features',
};

/** Workloads that are named one by one. */
const namedMax = 4;

/**
 * What became of each antibody in this cluster, a sentence each: which workloads use it, which refused it and why. vaccinations: by
 * workload, each with the same antibodies in the same order.
 */
export function vaccinationTexts(vaccinations: ReadonlyMap<string, readonly Vaccination[]>): readonly string[] {
  const [first = []] = vaccinations.values();
  return first.map(({ antibody }, which) => {
    const { family, cluster, examples } = antibody;
    const found = new Map<Refusal | 'used', string[]>();
    for (const [workload, all] of vaccinations) {
      const outcome = all[which]?.refused ?? 'used';
      found.set(outcome, [...(found.get(outcome) ?? []), workload]);
    }
    const parts = [...found].map(([outcome, workloads]) =>
      outcome === 'used' ? `used for ${named(workloads)}` : `refused for ${named(workloads)} (${why[outcome]})`,
    );
    // As `testudo antibodies list` has it: of one family of one cluster there may be several.
    const short = shortDigest(digestOf(antibodyBytes(antibody)));
    return `antibody ${family} of ${cluster} (${short}, ${examples} examples): ${parts.join('; ')}`;
  });
}

/** What operators hold this cluster to of one antibody. antibody: where its bytes are here. */
export function heldText(
  { digest, path, because }: Readonly<{ digest: string; path?: string; because: string }>,
  antibody: Antibody | undefined,
): string {
  const of = antibody === undefined ? '' : ` ${antibody.family} of ${antibody.cluster}`;
  return `antibody${of} (${shortDigest(digest)}) is held ${path === undefined ? 'out of use' : 'in use'}: ${because}`;
}

function named(workloads: readonly string[]): string {
  const [some, more] = [workloads.slice(0, namedMax), workloads.length - namedMax];
  return more > 0 ? `${some.join(', ')} and ${more} more` : some.join(', ');
}
