/**
 * How unexpected an edge is, in nats: the shared model's judgement as a prior, the cluster's own memory as evidence.
 *
 *     p(pair active in a window) = (pair + α σ(logit)) / (together + α)        Beta-Bernoulli, posterior mean
 *     p(service active | pair)   = (service + β q) / (pair + β)                 the same, with the prior
 *     q                          = max(ε, serverService / serverServices)      what the server is asked for by anybody
 *     surprisal                  = −ln p(pair) − ln p(service | pair)
 *
 * where σ(logit) counts as far as the model has proved itself in this cluster (link-check.ts), else as an even chance.
 * In a cluster with a past the model speaks of pairs that were never seen, and of no other: hundredths of a nat that it
 * gave to pairs of every window ranked them, and no better than chance. What the cluster never saw comes first there: an
 * edge of a pair that was never seen ranks above all edges of pairs that were, and a service that a pair was never seen to
 * use above those that it was. A combination is then never worse than asking the memory "seen before?".
 *
 * A model that says what would be refused adds how far the refused share s of the edge is from what was to be expected, e:
 *
 *     e                          = (refused + γ σ(refusal)) / (service + γ), within 1 % of never and always
 *     refusal                    = s ln(s / e) + (1 − s) ln((1 − s) / (1 − e))      Kullback and Leibler's divergence
 *
 * A pair that is always active costs nothing whatever the model says; a pair that both ends had many chances to form and
 * never did costs ln(chances); a workload that nobody has seen yet is judged by the shared model alone.
 */
import type { Evidence } from './pair-memory.ts';

export type SurprisalWeights = Readonly<{
  /** α: windows of evidence that the shared model is worth. */
  pairPrior: number;
  /** β: windows of evidence that the server's other clients are worth. */
  servicePrior: number;
  /** ε: chance of a service that the server never offered. */
  newServiceChance: number;
  /** γ: windows of evidence that the shared model is worth about refusals. */
  refusalPrior: number;
}>;

/** Chosen on the validation parts of `npm run bench -- detection --track flow`. */
const surprisalDefaults: SurprisalWeights = { pairPrior: 1, servicePrior: 1, newServiceChance: 0.1, refusalPrior: 1 };

export type EdgeSurprisal = Readonly<{
  /** All of it, nats. */
  total: number;
  /** −ln p(pair) and −ln p(service | pair): with the refusal's they sum to the total. */
  pair: number;
  service: number;
  /** Absent where the model says nothing of refusals. */
  refusal?: number;
}>;

/** What is known of an edge's verdicts. */
export type Refusal = Readonly<{
  /** The share of the edge that was refused, 0 to 1. */
  share: number;
  /** The shared model's log-odds of that share. */
  logit: number;
}>;

/** Nothing is refused never or always: e stays this far from both. */
const refusalMargin = 0.01;

/** Log-odds beyond this say no more: weights that an attack blew up must not shout down the memory. */
const logitBound = 8;

/** Nats that a pair, and a service, never seen before add in a cluster with a past; more than any seen one comes to. */
const neverSeen = 12;
/** Windows after which a cluster has a past. */
const pastWindowsMin = 3;

/**
 * logit: the shared model's log-odds of the pair; NaN where there is none, which is read as 0. windows: that the memory has
 * learnt.
 */
export function edgeSurprisal(
  evidence: Omit<Evidence, 'refused'>,
  logit: number,
  { windows = 0, weights = surprisalDefaults }: Readonly<{ windows?: number; weights?: SurprisalWeights }> = {},
): EdgeSurprisal {
  const { pairPrior, servicePrior, newServiceChance } = weights;
  const { pair: active, together, serverServices } = evidence;
  const hasPast = windows >= pastWindowsMin;
  const odds = hasPast && active > 0 ? Number.NaN : logit;
  const pair = -Math.log((active + pairPrior * sharedProbability(odds)) / (Math.max(together, active) + pairPrior));
  // A server that nobody was seen to call yet says nothing about what it serves.
  const offered = serverServices === 0 ? 1 : Math.max(newServiceChance, evidence.serverService / serverServices);
  const asked = Math.min(evidence.service, active);
  const service = -Math.log((asked + servicePrior * offered) / (active + servicePrior));
  if (!hasPast) return { total: pair + service, pair, service };
  const newPair = active > 0 ? 0 : neverSeen;
  const newService = asked > 0 ? 0 : neverSeen;
  const [ofPair, ofService] = [newPair + Math.min(neverSeen, pair), newService + Math.min(neverSeen, service)];
  return { total: ofPair + ofService, pair: ofPair, service: ofService };
}

/** The judgement of an edge by all that is known of it. */
export function judgedEdge(
  evidence: Evidence,
  logit: number,
  refusal: Refusal | undefined,
  windows = 0,
): EdgeSurprisal {
  const { total, pair, service } = edgeSurprisal(evidence, logit, { windows });
  if (refusal === undefined) return { total, pair, service };
  const nats = divergence(refusal.share, expectedRefusal(evidence, refusal.logit));
  return { total: total + nats, pair, service, refusal: nats };
}

/** e: the share of an edge that is to be expected as refused. */
export function expectedRefusal({ service, refused }: Evidence, logit: number): number {
  const { refusalPrior } = surprisalDefaults;
  const expected = (Math.min(refused, service) + refusalPrior * sharedProbability(logit)) / (service + refusalPrior);
  return Math.min(1 - refusalMargin, Math.max(refusalMargin, expected));
}

function divergence(share: number, expected: number): number {
  const part = (seen: number, said: number) => (seen > 0 ? seen * Math.log(seen / said) : 0);
  return part(share, expected) + part(1 - share, 1 - expected);
}

export function sharedProbability(logit: number): number {
  const bounded = Number.isNaN(logit) ? 0 : Math.max(-logitBound, Math.min(logitBound, logit));
  return 1 / (1 + Math.exp(-bounded));
}
