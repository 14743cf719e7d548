import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import { isolationOf, isolationText, projectPolicy } from './isolation.ts';

const denyAll = {
  metadata: { namespace: 'shop', name: 'testudo-quarantine' },
  spec: { podSelector: { matchLabels: { 'testudo.io/quarantined': 'true' } }, policyTypes: ['Ingress', 'Egress'] },
};
const quarantined = { namespace: 'shop', labels: { 'testudo.io/quarantined': 'true' } };
const verdictOf = (...policies: readonly object[]) =>
  isolationOf(
    quarantined,
    policies.map((policy) => projectPolicy(policy) as NonNullable<ReturnType<typeof projectPolicy>>),
  );

describe('isolationOf', () => {
  it('is isolated under a deny-all policy alone, and not where there is none', () => {
    expect(verdictOf(denyAll)).toEqual({ verdict: 'isolated' });
    expect(isolationText(verdictOf())).toBe('not enforced here: no NetworkPolicy holds its ingress and egress');
    const elsewhere = { ...denyAll, metadata: { namespace: 'bank', name: 'testudo-quarantine' } };
    expect(verdictOf(elsewhere).verdict).toBe('not enforced here');
    const inwards = { ...denyAll, spec: { ...denyAll.spec, policyTypes: ['Ingress'] } };
    expect(verdictOf(inwards)).toEqual({ verdict: 'not enforced here', open: ['egress'] });
  });

  it('names the policy of somebody else that still selects the pod and lets something through', () => {
    const everything = {
      metadata: { namespace: 'shop', name: 'dns' },
      spec: { podSelector: {}, policyTypes: ['Egress'], egress: [{ ports: [{ port: 53 }] }] },
    };
    const web = {
      metadata: { namespace: 'shop', name: 'web' },
      spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'], ingress: [{}] },
    };
    expect(verdictOf(denyAll, everything, web)).toEqual({
      verdict: 'partly',
      open: [{ policy: 'dns', direction: 'egress' }],
    });
    expect(isolationText(verdictOf(denyAll, everything))).toBe('partly: dns allows egress');
    const denied = { ...everything, spec: { podSelector: {}, policyTypes: ['Egress'] } };
    expect(verdictOf(denyAll, denied).verdict).toBe('isolated');
  });

  it('agrees with an evaluator that tries every connection, on 500 random sets of policies', () => {
    const random = seededRandom(11);
    const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
    const counts = new Map<string, number>();
    for (let run = 0; run < 500; run += 1) {
      const policies = Array.from({ length: Math.floor(random() * 5) }, (_, n) => randomPolicy(pick, n));
      const labels = pick([quarantined.labels, quarantined.labels, { ...quarantined.labels, app: 'web' }]);
      const facts = policies.flatMap((policy) => projectPolicy(policy) ?? []);
      const { verdict } = isolationOf({ namespace: 'shop', labels }, facts);
      expect(verdict, JSON.stringify({ labels, policies })).toBe(slowVerdict(labels, policies));
      counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    }
    for (const verdict of ['isolated', 'partly', 'not enforced here']) {
      expect(counts.get(verdict) ?? 0, verdict).toBeGreaterThan(20);
    }
  });
});

type Labels = Readonly<Record<string, string>>;
type Expression = Readonly<{ key: string; operator: string; values?: readonly string[] }>;
type Chosen = Readonly<{ matchLabels?: Labels; matchExpressions?: readonly Expression[] }>;
type Peer = Readonly<{ podSelector?: Chosen; namespaceSelector?: Chosen }>;
type Rule = Readonly<{ from?: readonly Peer[]; to?: readonly Peer[] }>;
type Policy = Readonly<{
  metadata: Readonly<{ namespace: string; name: string }>;
  spec: Readonly<{
    podSelector: Chosen;
    policyTypes: readonly string[];
    ingress?: readonly Rule[];
    egress?: readonly Rule[];
  }>;
}>;

const chosen: readonly Chosen[] = [
  {},
  { matchLabels: { 'testudo.io/quarantined': 'true' } },
  { matchLabels: { 'testudo.io/quarantined': 'true' } },
  { matchLabels: { app: 'web' } },
  { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] },
  { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] },
  {
    matchExpressions: [
      { key: 'testudo.io/quarantined', operator: 'Exists' },
      { key: 'app', operator: 'In', values: ['web'] },
    ],
  },
];
const peers: readonly Peer[] = [
  { podSelector: {} },
  { podSelector: { matchLabels: { app: 'web' } } },
  { namespaceSelector: {} },
  { namespaceSelector: { matchLabels: { team: 'red' } }, podSelector: { matchLabels: { app: 'db' } } },
];

function randomPolicy(pick: <Item>(items: readonly Item[]) => Item, number: number): Policy {
  const rules = (side: 'from' | 'to'): readonly Rule[] | undefined =>
    pick([undefined, undefined, [], [{}], [{ [side]: [pick(peers)] }], [{ [side]: [pick(peers), pick(peers)] }]]);
  return {
    metadata: { namespace: pick(['shop', 'shop', 'shop', 'bank']), name: `p${number}` },
    spec: {
      podSelector: pick(chosen),
      policyTypes: pick([['Ingress', 'Egress'], ['Ingress', 'Egress'], ['Ingress'], ['Egress']]),
      ...{ ingress: rules('from') ?? [], egress: rules('to') ?? [] },
    },
  };
}

/** Written from the API's documentation alone: tries each peer of a small world in both directions. */
function slowVerdict(labels: Labels, policies: readonly Policy[]): string {
  const world = ['shop', 'bank'].flatMap((namespace) =>
    [{}, { app: 'web' }, { app: 'db' }].map((peerLabels) => ({ namespace, labels: peerLabels as Labels })),
  );
  const namespaces: Readonly<Record<string, Labels>> = { shop: {}, bank: { team: 'red' } };
  const fits = (selector: Chosen, of: Labels) => {
    for (const key in selector.matchLabels) if (of[key] !== selector.matchLabels[key]) return false;
    for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
      const value = of[key];
      if (operator === 'Exists' && value === undefined) return false;
      if (operator === 'DoesNotExist' && value !== undefined) return false;
      if (operator === 'In' && (value === undefined || !values.includes(value))) return false;
      if (operator === 'NotIn' && value !== undefined && values.includes(value)) return false;
    }
    return true;
  };
  const mine = policies.filter(({ metadata, spec }) => metadata.namespace === 'shop' && fits(spec.podSelector, labels));
  const reach = (side: 'ingress' | 'egress', type: string, word: 'from' | 'to') => {
    const holding = mine.filter(({ spec }) => spec.policyTypes.includes(type));
    if (holding.length === 0) return 'everyone';
    const meets = (peer: Peer, other: (typeof world)[number]) =>
      (peer.namespaceSelector === undefined
        ? other.namespace === 'shop'
        : fits(peer.namespaceSelector, namespaces[other.namespace] as Labels)) &&
      fits(peer.podSelector ?? {}, other.labels);
    const someone = world.some((other) =>
      holding.some(({ spec }) =>
        (spec[side] ?? []).some((rule) => {
          const named = rule[word];
          return named === undefined || named.length === 0 || named.some((peer) => meets(peer, other));
        }),
      ),
    );
    return someone ? 'someone' : 'nobody';
  };
  const both = [reach('ingress', 'Ingress', 'from'), reach('egress', 'Egress', 'to')];
  if (both.includes('everyone')) return 'not enforced here';
  return both.includes('someone') ? 'partly' : 'isolated';
}
