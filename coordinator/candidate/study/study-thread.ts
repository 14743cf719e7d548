import { type Study, studyAttacks } from '../../../aggregation/attack-study.ts';
import { type Result, refuse } from '../../../base/fault.ts';
import { serveThread } from '../../../base/thread-link.ts';
import { joinBlobStore } from '../../blobs/store-settings.ts';
import { algebraFor } from '../algebra-choice.ts';
import { openingsOf } from '../input-keys.ts';
import type { AggregationJob, RunFaultCode } from '../job.ts';
import { judging } from '../judging.ts';
import { openUpdates } from '../opening/open-updates.ts';
import type { JobPlaces } from '../places.ts';
import { contendersOf, policyName } from './contenders.ts';

export type StudyTask = Readonly<{
  job: AggregationJob;
  places: JobPlaces;
  outDir: string;
  kept: Uint8Array;
  /** One more than the policy's f unless given. */
  liarsMax?: number | undefined;
  seed: string;
  secondsMax: number;
}>;

/** Numbers alone: no update, and nothing from which one could be told. */
export type StudyResult = Study &
  Readonly<{
    f: number;
    inForce: string;
    /** What told what the model is worth; `no attacks`: the sample holds none. */
    canJudge: 'sample' | 'no attacks' | 'nothing';
  }>;

/** All updates lie in memory, and as many again while one attack is tried. */
const bytesMax = 512 * 2 ** 20;

/** One study for one thread: its memory, secrets included, goes with it. */
serveThread<StudyTask>(run);

async function run({ job, places, outDir, kept, ...limits }: StudyTask): Promise<Result<StudyResult, RunFaultCode>> {
  const until = performance.now() + limits.secondsMax * 1_000;
  const blobs = joinBlobStore(places.blobs);
  const { openingOf } = openingsOf(job, kept);
  const inputs = [job.base.digest, ...job.updates.map(({ payloadDigest }) => payloadDigest)];
  if (job.sample !== undefined) inputs.push(job.sample);
  return blobs.withLocalFiles(inputs, async (path): Promise<Result<StudyResult, RunFaultCode>> => {
    const opened = await openUpdates(job, openingOf, {
      path,
      verify: (digest) => blobs.verify(digest),
      scratchDir: outDir,
    });
    if (!opened.ok) return opened;
    const { blocks } = opened.value;
    try {
      if (blocks === undefined) return refuse('AGGREGATION_REFUSED', 'none of the updates can be opened');
      if (blocks.n * blocks.d * 4 > bytesMax) {
        return refuse(
          'AGGREGATION_REFUSED',
          `${blocks.n} updates of ${blocks.d} values are too many to try attacks on`,
        );
      }
      const judged = await judging(job, { ...opened.value, blocks }, { path, sampleReader: places.sampleReader });
      if (!judged.ok) return judged;
      const values = new Float32Array(judged.value.blocks.n * blocks.d);
      try {
        await judged.value.blocks.read(0, blocks.d, values);
        const rows = Array.from({ length: judged.value.blocks.n }, (_, row) =>
          values.subarray(row * blocks.d, (row + 1) * blocks.d),
        );
        const inForce = { name: policyName(job.policy), policy: job.policy };
        const { context } = judged.value;
        const { base } = context;
        const worthOf = context.trusted?.loss.worth;
        const worth =
          worthOf &&
          base &&
          ((aggregate: Float32Array) => worthOf(base.map((value, at) => value + (aggregate[at] ?? 0))));
        const study = await studyAttacks({
          updates: rows.slice(0, blocks.n),
          rows: rows.slice(blocks.n),
          inForce,
          others: contendersOf(job.policy),
          liarsMax: limits.liarsMax ?? job.policy.f + 1,
          seed: limits.seed,
          context,
          worth,
          algebra: await algebraFor(values.length),
          goesOn: () => performance.now() < until,
        });
        const canJudge =
          worth === undefined ? 'nothing' : study.worth.undisturbed === undefined ? 'no attacks' : 'sample';
        return { ok: true, value: { ...study, f: job.policy.f, inForce: inForce.name, canJudge } };
      } finally {
        values.fill(0);
        judged.value.close();
      }
    } finally {
      opened.value.release();
    }
  });
}
