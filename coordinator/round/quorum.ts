import type { RoundRules } from './rules.ts';

/** Updates a round wants when `enrolledCount` clusters are in good standing; never fewer than the rule needs. */
export function goalUpdates({ goal, updatesMin }: RoundRules, enrolledCount: number): number {
  const wanted = goal.kind === 'count' ? goal.updates : Math.ceil(goal.ofEnrolled * enrolledCount);
  return Math.max(wanted, updatesMin);
}

/** Clusters to invite so that `goal` updates come although some clusters do not answer. */
export function inviteCount({ overSelection }: RoundRules, goal: number): number {
  return Math.ceil(goal * overSelection - 1e-9); // 1.3 x 10 is 13, whatever binary fractions say.
}

/** Accepted updates that let a cohort's round aggregate; never fewer than the rule needs. */
export function quorumUpdates({ quorum, updatesMin }: RoundRules, cohortSize: number): number {
  const wanted = quorum.kind === 'count' ? quorum.updates : Math.ceil(quorum.ofCohort * cohortSize - 1e-9);
  return Math.max(wanted, updatesMin);
}
