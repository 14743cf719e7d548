import { type AggregationPolicy, updatesMin } from '../../aggregation/policy.ts';
import type { Federation } from '../../lab/rig/federation.ts';
import { RoundPhase } from '../../proto/generated/testudo/v1/operator.ts';
import { judgeAll } from '../assess.ts';
import { aucOf, type Judges, mean } from '../judging.ts';
import type { Prepared, Training } from '../prepare.ts';
import type { AntibodyTale } from '../report/antibody-tale.ts';
import type { DemoRound } from '../report/demo-round.ts';
import { progressText, roundOf, tellRound } from '../report/round-lines.ts';
import type { Screen } from '../screen.ts';
import type { AntibodyStory } from './antibody-story.ts';
import type { ReleaseStory } from './release-story.ts';

/** A track's policy in the main job, as `testudo tracks put` takes it. */
export function trackPolicy(
  { clusters, hostile }: Pick<Prepared, 'clusters' | 'hostile'>,
  policy: AggregationPolicy,
  training: Training,
): object {
  return {
    aggregation: policy,
    rounds: {
      goal: { kind: 'share', ofEnrolled: 1 },
      overSelection: 1,
      // The honest must be able to finish without the liars, and the rule must be able to judge who came.
      quorum: { kind: 'count', updates: Math.max(updatesMin(policy) ?? 1, clusters.size - hostile.length) },
      // For a machine that has much else to do: a round goes on as soon as all have come.
      recruitForMs: 600_000,
      collectForMs: 600_000,
      aggregateForMs: 600_000,
    },
    training: {
      epochs: 1_000,
      stepsMax: training.steps,
      batchSize: training.batchSize,
      learningRate: training.learningRate,
    },
    optimiser: { kind: 'plain', learningRate: 1 },
    schedule: null,
  };
}

/** The last two models that rounds made: what the release story is about. */
export type LastReleases = Readonly<{ version: number; before: number }>;

/** The rounds of the system calls' track, told as they end. Returns the last model that came out. */
export async function runRounds(
  prepared: Prepared,
  federation: Federation,
  judges: Judges,
  story: ReleaseStory | undefined,
  screen: Screen,
) {
  const rounds: DemoRound[] = [];
  let model = prepared.detector.init(prepared.options.seed);
  let version = 0;
  let releases: LastReleases | undefined;
  screen.line(`\n${['round', 'receipts', '  AUC', 'seconds', ' what became of the updates'].join('  ')}`);
  for (let number = 1; number <= prepared.options.rounds; number++) {
    const isLast = number === prepared.options.rounds;
    if (isLast) await story?.prepare(version);
    const startedAt = performance.now();
    const ended = await federation.round((progress) => screen.status(progressText(number, prepared, progress)));
    const seconds = (performance.now() - startedAt) / 1e3;
    const { summary } = ended;
    if (summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE && summary.candidate !== undefined) {
      model = await federation.model(summary.candidate.digest);
      const before = version;
      version = Number(summary.candidate.version);
      if (isLast) releases = { version, before };
    }
    const judgements = judgeAll(prepared, judges, () => model);
    const round = roundOf(
      number,
      prepared,
      ended,
      seconds,
      mean(judgements.map(({ scores }) => aucOf(prepared.unseen, scores))),
    );
    rounds.push(round);
    tellRound(round, summary?.abandonedBecause ?? '', screen);
  }
  return { rounds, model, releases };
}

/** What becomes of the last round's model, and of two rounds more: one brings antibodies along, the version of the other is forged. */
export async function tellReleases(
  story: ReleaseStory,
  { version, before }: LastReleases,
  antibodies: AntibodyStory,
  federation: Federation,
  screen: Screen,
): Promise<AntibodyTale | undefined> {
  const isOut = await story.release(version, before);
  if (isOut) await story.rollBack(version, before);
  await story.dismissCanaries();
  const good = isOut ? version : before;
  // First the forgery: a round that finds nothing new ends with the bytes of the one before, which agents then hold already.
  const forged = await oneMore(federation, screen, 'one round more, for a version to be forged');
  if (forged !== undefined) await story.offerForgery(forged.version, forged.digest, good);
  if (!(await antibodies.confirm())) return undefined;
  const brought = await oneMore(federation, screen, 'one round more, whose version brings the antibodies along');
  if (brought === undefined) return undefined;
  await story.letThrough(brought.version, 'it brings what was confirmed');
  return await antibodies.find();
}

/** The version that one more round makes; undefined where it was abandoned. */
async function oneMore(federation: Federation, screen: Screen, why: string) {
  const { summary } = await federation.round(() => screen.status(why));
  const candidate = summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE ? summary.candidate : undefined;
  return candidate && { version: Number(candidate.version), digest: candidate.digest };
}
