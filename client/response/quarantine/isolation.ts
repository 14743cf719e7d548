import { readPolicy } from '../../posture/read.ts';
import type { Selector } from '../cluster/facts.ts';
import { selects } from '../cluster/selector.ts';

/** Of a NetworkPolicy what decides whether a pod that it selects can still be spoken to. */
export type PolicyFact = Readonly<{
  namespace: string;
  name: string;
  podSelector: Selector;
  types: readonly string[];
  /** How many rules it has: one is enough to let something in. */
  ingressRules: number;
  egressRules: number;
}>;

/**
 * What is known of a pod's isolation. `isolated`: policies cover both directions, and none of those that select it lets
 * anything through. `partly`: `open` names those that do. `not enforced here`: nothing covers a direction, so that all is let through.
 * It is what the API server's objects say: whether the network enforces them is for a drill to measure.
 */
export type Isolation = Readonly<
  | { verdict: 'isolated' }
  | { verdict: 'partly'; open: readonly Readonly<{ policy: string; direction: Direction }>[] }
  | { verdict: 'not enforced here'; open: readonly Direction[] }
>;

export type Direction = 'ingress' | 'egress';

const directions = [
  ['ingress', 'Ingress', 'ingressRules'],
  ['egress', 'Egress', 'egressRules'],
] as const;

/** Policies add up: what any that selects the pod allows is allowed. `labels`: those that the pod bears now. */
export function isolationOf(
  pod: Readonly<{ namespace: string; labels: Readonly<Record<string, string>> }>,
  policies: readonly PolicyFact[],
): Isolation {
  const selecting = policies.filter(
    ({ namespace, podSelector }) => namespace === pod.namespace && selects(podSelector, pod.labels),
  );
  const uncovered: Direction[] = [];
  const open: Readonly<{ policy: string; direction: Direction }>[] = [];
  for (const [direction, type, rules] of directions) {
    const covering = selecting.filter(({ types }) => types.includes(type));
    if (covering.length === 0) uncovered.push(direction);
    for (const policy of covering) if (policy[rules] > 0) open.push({ policy: policy.name, direction });
  }
  if (uncovered.length > 0) return { verdict: 'not enforced here', open: uncovered };
  return open.length > 0 ? { verdict: 'partly', open } : { verdict: 'isolated' };
}

/** For people and programs' logs, in one line. */
export function isolationText(isolation: Isolation): string {
  switch (isolation.verdict) {
    case 'isolated':
      return 'isolated';
    case 'partly':
      return `partly: ${isolation.open.map(({ policy, direction }) => `${policy} allows ${direction}`).join(', ')}`;
    case 'not enforced here':
      return `not enforced here: no NetworkPolicy holds its ${isolation.open.join(' and ')}`;
  }
}

/** The projection of a NetworkPolicy as the API server writes it; undefined for what is none. */
export function projectPolicy(candidate: unknown): PolicyFact | undefined {
  const policy = readPolicy(candidate);
  if (policy === undefined) return undefined;
  const { metadata, spec } = policy;
  const { policyTypes: types, ...rest } = spec;
  return { namespace: metadata.namespace, name: metadata.name, types, ...rest };
}
