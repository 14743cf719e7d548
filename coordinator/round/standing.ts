import type { RoundId } from '../../proto/ids.ts';

/** What one round made of one cluster's update. */
export type RoundPart = Readonly<{
  verdict: 'selected' | 'leftOut' | 'refused';
  /** How much it weighed, 1 being as much as one among equals; null where the rule works by coordinate. */
  weight: number | null;
  /** How the trusted sample's loss changed along it, above 0 it harmed; null where the rule did not look. */
  slope: number | null;
  /** Classes that it declared, and those of them in which it was not counted. */
  declaredCount: number;
  uncountedCount: number;
  /** Of the angle to the aggregate; null or absent where there was none. */
  cosine?: number | null;
  /** More than half of the round's updates were counted: to be left out then says something. */
  mostKept?: boolean;
}>;

/**
 * A cluster's record in one track, over rounds: for operators, and where a policy says so a prior on what it weighs.
 * `score`, 0 to 1: 1 is a cluster like any other, and nothing is above it.
 */
export type Standing = Readonly<{
  rounds: number;
  leftOut: number;
  refused: number;
  score: number;
  /** Moving means of what rounds said; null until one did. */
  weight: number | null;
  slope: number | null;
  /** Moving mean of the cosine of its angle to the aggregates; absent until a round gave one. */
  cosine?: number;
  /** How many rounds in a row, that kept most, left it out or refused it; absent for none. */
  streak?: number;
  lastRound: RoundId;
  /** The last round that left it out or refused it; absent where none did. */
  excludedIn?: RoundId;
}>;

/**
 * Trust is lost in two or three rounds and won back in twenty: what drifts a little every round, or sleeps and then strikes, is
 * not forgiven before it is seen again.
 */
const fall = 0.3;
const rise = 0.05;
/** Of the moving means: about the last five rounds. */
const news = 0.2;

/** The record after one more round. Pure; the same parts in the same order give the same record. */
export function standingAfter(before: Standing | undefined, part: RoundPart, round: RoundId): Standing {
  const { rounds = 0, leftOut = 0, refused = 0, score = 1, weight = null, slope = null } = before ?? {};
  const worth = worthOf(part);
  const excludedIn = part.verdict === 'selected' ? before?.excludedIn : round;
  const cosine = movingMean(before?.cosine ?? null, part.cosine ?? null);
  const streak = streakAfter(before?.streak ?? 0, part);
  return {
    rounds: rounds + 1,
    leftOut: leftOut + (part.verdict === 'leftOut' ? 1 : 0),
    refused: refused + (part.verdict === 'refused' ? 1 : 0),
    score: score + (worth < score ? fall : rise) * (worth - score),
    weight: movingMean(weight, part.weight),
    slope: movingMean(slope, part.slope),
    ...(cosine === null ? {} : { cosine }),
    ...(streak === 0 ? {} : { streak }),
    lastRound: round,
    ...(excludedIn === undefined ? {} : { excludedIn }),
  };
}

/** A rule that keeps few leaves most out: then to be left out is nobody's fault, and ends no streak either. */
function streakAfter(before: number, { verdict, mostKept = false }: RoundPart): number {
  if (verdict === 'selected') return 0;
  return verdict === 'refused' || mostKept ? before + 1 : before;
}

/**
 * What one round is worth, 0 to 1. Refused is nothing: an honest update is not. Being left out is half, since rules that keep what
 * is typical leave out those who differ; so is to harm what the sample holds. Weighing little counts as it weighs.
 */
function worthOf({ verdict, weight, slope, declaredCount, uncountedCount }: RoundPart): number {
  if (verdict === 'refused') return 0;
  if (verdict === 'leftOut') return 0.5;
  const weighed = weight === null ? 1 : Math.min(1, Math.max(0.5, weight));
  const counted = declaredCount === 0 ? 1 : 1 - uncountedCount / declaredCount;
  return weighed * counted * (slope !== null && slope > 0 ? 0.5 : 1);
}

function movingMean(before: number | null, value: number | null): number | null {
  if (value === null) return before;
  return before === null ? value : before + news * (value - before);
}

/**
 * What an update is scaled by before the rule sees it: `floor` for a score of 0, 1 for a score of 1. Never above 1, so
 * that a long honest life buys nothing that could be spent in one round.
 */
export function priorOf(standing: Pick<Standing, 'score'> | undefined, floor: number): number {
  return floor + (1 - floor) * (standing?.score ?? 1);
}
