import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { studyAttacks, toldStudy } from '../../aggregation/attack-study.ts';
import { type AggregationPolicy, asksOf, checkPolicy } from '../../aggregation/policy.ts';
import { buildVersion } from '../../base/build-version.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { contendersOf, policyName } from '../../coordinator/candidate/study/contenders.ts';
import { recordedMax, recordedUpdates } from '../../lab/data/recorded-updates.ts';
import type { SimulateAttacksResponse } from '../../proto/generated/testudo/v1/operator_rounds.ts';

export type RecordedStudy = Readonly<{
  policy: AggregationPolicy;
  /** Clusters of the federation. */
  members: number;
  /** 0: one more than f. */
  liarsMax: number;
  seed: string;
  secondsMax: number;
}>;

/** What the answer's `round` says in the place of a round's id. */
const recordedRound = 'recorded clusters';
const recordedJudge = 'recorded intrusions and normal calls that no cluster learnt from';

/**
 * The attacks on what recorded clusters would send, as many as the federation has members or as were recorded: then f falls
 * in proportion. On this machine, without a coordinator.
 */
export async function simulateRecorded({
  policy,
  members,
  liarsMax,
  seed,
  secondsMax,
}: RecordedStudy): Promise<Result<SimulateAttacksResponse, 'POLICY_UNFIT'>> {
  const startedMs = performance.now();
  const name = policyName(policy);
  if (asksOf(policy.rule).sample === 'needed') {
    return refuse(
      'POLICY_UNFIT',
      `${name} needs a trusted sample, and recorded clusters have none of yours: keep a round's inputs`,
    );
  }
  const n = Math.min(members, recordedMax);
  const f = members > n ? Math.floor((policy.f * n) / members) : policy.f;
  const [unfit] = checkPolicy({ ...policy, f }, n);
  if (unfit !== undefined) return refuse('POLICY_UNFIT', `${name} with f ${f} of ${n}: ${unfit.message}`);
  const { updates, classes, shape, worth } = await recordedUpdates(n, seed);
  const algebra = fastAlgebra();
  try {
    const context = { classes, shape, base: new Float32Array(updates[0]?.length ?? 0) };
    const study = await studyAttacks({
      ...{ updates, context, rows: [], seed, algebra, liarsMax: liarsMax || f + 1 },
      inForce: { name, policy: { ...policy, f } },
      others: contendersOf({ ...policy, f }),
      worth: async (aggregate) => worth(aggregate),
      goesOn: () => performance.now() - startedMs < secondsMax * 1_000,
    });
    const durationMs = BigInt(Math.round(performance.now() - startedMs));
    const told = { ...toldStudy(study, name), judgedBy: recordedJudge, unjudged: '' };
    return ok({ ...told, round: recordedRound, f, build: buildVersion(), durationMs });
  } finally {
    await algebra.close();
  }
}
