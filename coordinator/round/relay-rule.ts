import type { AggregationPolicy } from '../../aggregation/policy.ts';

/** A member is a region, that is a relay with clusters of its own behind it, where it carries this label (and not as "no"). */
const relayLabel = 'relay';

export function isRelay(labels: Readonly<Record<string, string>>): boolean {
  return Object.hasOwn(labels, relayLabel) && labels[relayLabel] !== 'no';
}

/** Whether any member in the federation is a region. */
export function hasRelays(
  members: Iterable<Readonly<{ status: string; labels: Readonly<Record<string, string>> }>>,
): boolean {
  for (const { status, labels } of members) if (status === 'enrolled' && isRelay(labels)) return true;
  return false;
}

export type RelayRule = Readonly<{ kind: 'refuse' | 'warn'; text: string }>;

const remedy =
  'take nearestNeighbourMixing before trimmedMean or geometricMedian (docs/relays.md, "The rule over regions")';

/**
 * What speaks against a policy whose members are regions; undefined where nothing does. Figures of the rule of rules:
 * docs/benchmarks/regions.md.
 */
export function relayRule({ f, rule, before }: AggregationPolicy): RelayRule | undefined {
  const warn = (text: string): RelayRule => ({ kind: 'warn', text: `members are regions: ${text}; ${remedy}` });
  switch (rule.kind) {
    case 'mean':
      return {
        kind: 'refuse',
        text: `members are regions: never average over regions, one that its liars have won moves the mean as far as it likes; ${remedy}`,
      };
    case 'krum':
      return warn('plain Krum at a root keeps one region and throws all others away');
    case 'trimmedMean':
    case 'geometricMedian':
      if (!before.some(({ kind }) => kind === 'nearestNeighbourMixing')) {
        return warn(`${rule.kind} without mixing is pulled by regions that differ`);
      }
      return f === 0 ? warn('with f = 0 no bad region is withstood') : undefined;
    default:
      return warn(`${rule.kind} is not the rule that was tried over regions`);
  }
}
