import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AggregationPolicy } from '../../../aggregation/policy.ts';
import { unwrap } from '../../../base/fault.ts';
import type { Trace } from '../../../client/events/trace.ts';
import { aucOf, Judges, mean } from '../../../demo/judging.ts';
import { type Prepared, prepare } from '../../../demo/prepare.ts';
import { castReleases, type ReleaseCast } from '../../../demo/story/release-cast.ts';
import { trackPolicy } from '../../../demo/story/rounds.ts';
import { recordedPath } from '../../../lab/data/recorded-traces.ts';
import { type Federation, startFederation } from '../../../lab/rig/federation.ts';
import { trackName } from '../../../lab/rig/plan.ts';
import { type GetRoundResponse, RoundPhase } from '../../../proto/generated/testudo/v1/operator.ts';

const clusters = 5;
const tracesOfClusterMax = 200;
const unseenMax = 150;

/** A federation that drills may ruin. */
export type Rehearsal = Readonly<{
  federation: Federation;
  /** The cluster that lies. */
  liar: string;
  honest: readonly string[];
  cast: ReleaseCast;
  /** The policy that a federation starts with, with other aggregation where one is given, and more members. */
  putPolicy(change: Readonly<{ aggregation?: AggregationPolicy; more?: object }>): Promise<void>;
  /** Runs a round to its end. */
  round(): Promise<Readonly<{ answer: GetRoundResponse; version: number; digest: string }>>;
  /** The mean area under the ROC curve of the honest canaries over unseen traces, with these weights; 0.5 is blind. */
  worthOf(digest: string | null): Promise<number>;
  signal: AbortSignal;
}>;

/** Runs work in a federation of its own, and ends it, whatever becomes of the work. `testudo`: the command's program. */
export async function rehearse<Value>(
  testudo: string,
  signal: AbortSignal,
  work: (rehearsal: Rehearsal) => Promise<Value>,
): Promise<Value> {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-drill-'));
  try {
    const prepared = await prepareRehearsal();
    const cast = castReleases(prepared.clusters, prepared.hostile, prepared.unseen, prepared.policy.f);
    if (cast === undefined) throw new Error('the recorded traces give no canaries'); // They always do.
    const federation = await startFederation({
      ...{ testudo, folder, clusters: prepared.clusters, hostile: prepared.hostile, flow: undefined },
      syscall: {
        spec: prepared.detector.spec,
        initialModel: prepared.detector.init(prepared.options.seed),
        policy: trackPolicy(prepared, prepared.policy, prepared.training),
      },
      seed: prepared.options.seed,
      canaries: cast.attacks,
    });
    // What waits for its processes learns at once that they have ended.
    const end = () => void federation.stop();
    signal.addEventListener('abort', end, { once: true });
    try {
      signal.throwIfAborted();
      await federation.ready(() => undefined);
      return await work(rehearsalOf(federation, prepared, cast, folder, signal));
    } finally {
      signal.removeEventListener('abort', end);
      await federation.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function prepareRehearsal(): Promise<Prepared> {
  const options = { data: recordedPath, abi: 'x86_64', partition: undefined, rule: undefined, out: '' } as const;
  const sizes = { clusters, hostile: 1, rounds: 1, seed: 1 };
  const detector = { detector: 'gram-table', tracks: [trackName] } as const;
  const prepared = unwrap(await prepare({ ...options, ...sizes, ...detector }));
  const some = [...prepared.clusters].map(([name, traces]) => [name, traces.slice(0, tracesOfClusterMax)] as const);
  return { ...prepared, clusters: new Map(some) };
}

function rehearsalOf(
  federation: Federation,
  prepared: Prepared,
  cast: ReleaseCast,
  folder: string,
  signal: AbortSignal,
): Rehearsal {
  const { detector, hostile, policy, training, unseen, options } = prepared;
  const judges = new Judges(detector, prepared.clusters);
  const judging = everyNth(unseen, unseenMax);
  return {
    ...{ federation, cast, signal },
    liar: hostile[0] as string,
    honest: federation.clusters.filter((name) => !hostile.includes(name)),
    async putPolicy({ aggregation = policy, more = {} }) {
      const file = join(folder, 'policy.json');
      await writeFile(file, JSON.stringify({ ...trackPolicy(prepared, aggregation, training), ...more }));
      const words = ['tracks', 'put', trackName, '--spec', federation.specFile, '--policy', file];
      await federation.command([...words, '--reason', 'a drill']);
    },
    async round() {
      const answer = await federation.round(() => undefined);
      const { summary } = answer;
      const candidate = summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE ? summary.candidate : undefined;
      return { answer, version: Number(candidate?.version ?? 0), digest: candidate?.digest ?? '' };
    },
    async worthOf(digest) {
      const weights = digest === null ? detector.init(options.seed) : await federation.model(digest);
      const each = cast.canaries.map((name) => aucOf(judging, judges.judge(name, weights, judging).scores));
      return mean(each);
    },
  };
}

function everyNth(traces: readonly Trace[], max: number): readonly Trace[] {
  const stride = Math.max(1, traces.length / max);
  return Array.from({ length: Math.min(max, traces.length) }, (_, at) => traces[Math.floor(at * stride)] as Trace);
}
