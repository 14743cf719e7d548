import { type AggregationPolicy, asksOf, checkPolicy } from '../../aggregation/policy.ts';
import { withstoodAmong } from '../../aggregation/requirements.ts';
import { claimsNeeded } from '../../aggregation/rules/corroborated.ts';
import type { ClassName } from '../../proto/ids.ts';
import { liarsInCohort } from '../round/cohort-liars.ts';
import { relayRule } from '../round/relay-rule.ts';

/** What a policy is held against. */
export type Standing = Readonly<{
  policy: AggregationPolicy;
  /** Members in good standing, how many of them a round invites, and how many updates it then has: n. */
  members: number;
  invited: number;
  n: number;
  /** Of a model with blocks by class: its classes, and which each member was approved for. Undefined for one without. */
  classes: Readonly<{ names: readonly ClassName[]; approved: readonly (readonly ClassName[])[] }> | undefined;
  /** Classes of which the track's trusted sample holds normal examples; undefined where the track has no sample. */
  sampled: readonly string[] | undefined;
  /** Attacks that the sample holds; 0 unless given. */
  sampleAttacks?: number | undefined;
  /** The model's architecture, and whether a sample can weigh its updates (`coordinator/config/track-knowledge.ts`). */
  model?: Readonly<{ architecture: string; isWeighed: boolean }> | undefined;
  /** Why no round opens for want of a sample (`coordinator/rounds/samples.ts`); absent where one does. */
  lacking?: string | undefined;
  /** Percent of all members that somebody fears may lie; absent where nobody says. */
  feared?: number | undefined;
  /** Members that are regions (docs/relays.md); 0 unless given. */
  relays?: number | undefined;
}>;

/** How one class stands: members that may declare it, whether the sample holds it, liars among them that the rule withstands. */
export type ClassStanding = Readonly<{
  name: string;
  holders: number;
  covered: boolean;
  withstands: number;
  text: string;
}>;

/**
 * For so many of the members lying: the f that a round needs for it (`cohort-liars.ts`; all of them where everybody is invited),
 * whether this one is enough, and whether the rule could run with one that is.
 */
export type LiarShare = Readonly<{
  percent: number;
  liars: number;
  needs: number;
  within: boolean;
  possible: boolean;
}>;

/** What a policy withstands in this federation. `problems`: why no round would give a model; empty where they can. */
export type PolicyStanding = Readonly<{
  members: number;
  invited: number;
  n: number;
  f: number;
  /** The most that f could be for n updates; null where even f = 0 is not possible. */
  fMax: number | null;
  rule: string;
  problems: readonly string[];
  /** What f is too small for, of what is feared, and what to do; what speaks against the rule where members are regions. */
  warnings: readonly string[];
  /** What becomes of the sample's attacks where the rule weighs networks by a sample, or could, or the model lets none; else null. */
  onAttacks: string | null;
  classes: readonly ClassStanding[];
  shares: readonly LiarShare[];
}>;

const percents = [1, 5, 10, 20, 30, 40, 50] as const;

/** Counts and sentences; which attacks were tried is in docs/benchmarks/robustness.md. Pure. */
export function policyStanding(standing: Standing): PolicyStanding {
  const { policy, members, invited, n } = standing;
  const asks = asksOf(policy.rule);
  const problems = [...new Set(checkPolicy(policy, n).map(({ message }) => message))];
  if (standing.lacking !== undefined) problems.push(standing.lacking);
  else if (asks.sample === 'needed' && standing.sampled === undefined) {
    problems.push(`the rule ${policy.rule.kind} decides by a trusted sample, and the track has none`);
  }
  if (asks.classes === 'needed' && standing.classes === undefined) {
    problems.push(`the rule ${policy.rule.kind} goes by declared classes, and the model has no blocks by class`);
  }
  const fMax = largestF(policy, n);
  const shareOf = (percent: number): LiarShare => {
    const liars = Math.floor((members * percent) / 100);
    const needs = liarsInCohort({ members, liars, invited });
    return { percent, liars, needs, within: needs <= policy.f, possible: fMax !== null && needs <= fMax };
  };
  const regions = standing.relays ? relayRule(policy) : undefined;
  const warnings = [
    ...(standing.feared === undefined ? [] : warningsOf(policy.f, shareOf(standing.feared), standing)),
    ...(regions === undefined ? [] : [regions.kind === 'refuse' ? `refused: ${regions.text}` : regions.text]),
  ];
  const known = {
    members,
    invited,
    n,
    f: policy.f,
    fMax,
    rule: policy.rule.kind,
    problems,
    warnings,
    onAttacks: attacksText(standing),
  };
  return { ...known, classes: classStandings(standing), shares: percents.map(shareOf) };
}

function warningsOf(f: number, { percent, liars, needs, within, possible }: LiarShare, { members, n }: Standing) {
  if (within) return [];
  const remedy = possible
    ? `set f to ${needs}`
    : `no f of this rule allows for that with ${n} updates: let rounds take more clusters, or give the track a trusted sample`;
  return [
    `f = ${f} is too small for ${percent} % liars, ${liars} of ${members} clusters, which need ${needs}: ${remedy}`,
  ];
}

function attacksText({ policy: { rule }, sampled, sampleAttacks = 0, model, relays }: Standing): string | null {
  if (sampled === undefined) return null;
  if (rule.kind !== 'trustedWeights') {
    if (model === undefined || asksOf(rule).sample !== 'no') return null;
    if (model.isWeighed && relays)
      return `the ${sampleAttacks} of the sample decide nothing: members are regions, which cannot mix a sample into training, so that rounds compare updates alone`;
    return model.isWeighed
      ? `the rule ${rule.kind} looks at no sample, neither at its ${sampleAttacks} nor at its normal work: a policy that leaves rule and before out would`
      : `the ${sampleAttacks} of the sample decide nothing: models of ${model.architecture} give no gradient on it, so that rounds compare updates alone`;
  }
  if (sampleAttacks === 0)
    return 'the sample holds none, so that nothing tells a network what an attack is: put one that holds some';
  const undoubted = rule.doubtSample
    ? ''
    : ', also where these look like it: doubtSample: mostClusters would move nothing then';
  return rule.tellApart === true
    ? `a network is moved to where it tells the ${sampleAttacks} of the sample from its normal work${undoubted}`
    : `a network learns nothing from the ${sampleAttacks} of the sample: with tellApart: true it would be moved to where it tells them from normal work`;
}

function largestF(policy: AggregationPolicy, n: number): number | null {
  // Somebody must be honest.
  for (let f = Math.max(0, n - 1); f >= 0; f--) if (checkPolicy({ ...policy, f }, n).length === 0) return f;
  return null;
}

function classStandings({ policy, classes, sampled = [] }: Standing): readonly ClassStanding[] {
  if (classes === undefined) return [];
  return classes.names.map((name) => {
    const holders = classes.approved.filter((approved) => approved.includes(name)).length;
    const covered = asksOf(policy.rule).sample !== 'no' && sampled.includes(name);
    return { name, holders, covered, ...holdsFor(policy, holders, covered) };
  });
}

/** What is promised of one class, by the rule's own statement of what it withstands. */
function holdsFor(
  { f, rule }: AggregationPolicy,
  holders: number,
  covered: boolean,
): Pick<ClassStanding, 'withstands' | 'text'> {
  if (holders === 0) return { withstands: 0, text: 'nobody may declare it: the model learns nothing of it' };
  switch (rule.kind) {
    case 'declaredHolders':
      if (!covered) return { withstands: 0, text: `the sample does not hold it: each liar makes 1/${holders} of it` };
      return {
        withstands: withstoodAmong.sampledHolders(holders, f),
        text: sampledText(holders, f, rule.corroborate === true),
      };
    case 'trustedWeights': {
      if (covered) return { withstands: f, text: `what harms it on the sample carries no weight` };
      if (rule.blind === 'shares')
        return { withstands: 0, text: 'the sample does not hold it, and nothing else looks' };
      const median = withstoodAmong.medianOfHolders(holders, f);
      if (rule.blind === 'evidence' || rule.blind === 'contrast')
        return { withstands: median, text: evidenceText(rule.blind, holders, median, f) };
      return { withstands: median, text: `the median of ${holders} holders ${tooFew(median, f)}` };
    }
    default:
      if (holders > f) return { withstands: f, text: 'the rule keeps what is typical of all, whoever holds the class' };
      return {
        withstands: 0,
        text: `held by ${holders}, no more than f = ${f}: the rule may take all of it for an attack`,
      };
  }
}

function sampledText(holders: number, f: number, corroborate: boolean): string {
  const needed = claimsNeeded(f, holders);
  const claims = needed === holders ? `all ${holders} holders` : `${needed} of ${holders} holders`;
  const also = corroborate && holders > 1 ? `; what it knows from attacks alone counts if ${claims} claim it` : '';
  if (holders > f) return `the sample finds out up to ${f} that lie${also}`;
  return `held by ${holders}, no more than f = ${f}: if all of them lie, so does the model on it${also}`;
}

/** What holds beyond the median's count: evidence for the class cannot be taken away, only thinned and lied beside. */
function evidenceText(blind: 'evidence' | 'contrast', holders: number, withstands: number, f: number): string {
  const heard = 'of those who teach what the sample does hold, each holder speaks for it with';
  const contrast =
    blind === 'contrast'
      ? 'what the sample knows to be something else it takes back'
      : 'with blind: contrast the sample would take back what it knows to be something else';
  if (withstands >= f) return `${heard} 1/${holders}: ${f} that lie are the fewer; ${contrast}`;
  return `${heard} 1/${holders}: liars thin that, and lie beside it where they are two-faced; ${contrast}; ${2 * f + 1} holders would be needed for f = ${f}`;
}

function tooFew(withstands: number, f: number): string {
  if (withstands >= f) return `withstands ${f} that lie`;
  return `withstands ${withstands} that lie, fewer than f = ${f}: ${2 * f + 1} holders would be needed`;
}
