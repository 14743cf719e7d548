import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { Trace } from '../../client/events/trace.ts';
import { type LocalTrack, openTracks } from '../../client/learning/local-track.ts';
import { createMetrics } from '../../client/observability/metrics.ts';
import { ScoringHost } from '../../client/releases/hosts/scoring-host.ts';
import { ShadowRun } from '../../client/releases/hosts/shadow-run.ts';
import { type HeldModel, LiveScoring } from '../../client/scoring/live-scoring.ts';
import { readAttackSet } from '../../client/tracks/syscall/offline/attack-set.ts';
import type { AssembledTrace } from '../../client/tracks/syscall/traces/trace-assembler.ts';
import { digestOf } from '../../proto/digest.ts';
import type { ClusterId, FederationId, TrackId } from '../../proto/ids.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { ShadowReport } from '../../proto/release/shadow-report.ts';
import { writeTraces } from '../data/trace-writer.ts';

const id = 'syscall' as TrackId;
const buffer = { recent: 1_000, reservoir: 1_000, hard: 10, regression: 10 };
const scoring = { alertRate: 0.01, deviations: null, warmUp: 20, callWeights: 'none', rates: false } as const;

export type CanaryParts = Readonly<{
  folder: string;
  cluster: ClusterId;
  /** What is normal here: learnt from, and what thresholds start from. */
  normal: readonly Trace[];
}>;

/** One shadow run: what it saw is counted once, and reported under whatever attack set the operator gave. */
export type Comparison = Readonly<{
  /** `attackSet`: what the operator gave as `agent.attackSets`; none for no such setting. */
  report(attackSet: readonly Trace[]): Promise<ShadowReport>;
}>;

/** What of a client runs releases: its buffer, its live scoring and its shadow runs, without a coordinator. */
export class Canary {
  readonly #parts: CanaryParts;
  readonly #scoring: LiveScoring;
  readonly #track: LocalTrack;

  private constructor(parts: CanaryParts, track: LocalTrack, scorer: LiveScoring) {
    this.#parts = parts;
    this.#track = track;
    this.#scoring = scorer;
  }

  static async open(parts: CanaryParts): Promise<Canary> {
    const { cluster, normal } = parts;
    const folder = join(parts.folder, cluster);
    await mkdir(folder, { recursive: true });
    const dataKey = Buffer.alloc(32, 5);
    const privacy = { epsilonMax: null, delta: 1e-6, noiseMultiplierMin: 0, perStep: null };
    const settings = { dataDirectory: folder, tracks: [{ id, folder: 'syscall' }], baselines: [], buffer, privacy };
    const track = unwrap(await openTracks(settings, dataKey, Date.now())).get(id) as LocalTrack;
    unwrap(
      track.buffer.add(
        normal.map(({ service, calls }) => ({ workload: service, calls })),
        Date.now(),
      ),
    );
    const scorer = new LiveScoring({
      config: { dataDirectory: folder, buffer, scoring, agent: { inference: 'weights' } },
      track,
      dataKey,
      onRisk: () => undefined,
      metrics: createMetrics(),
      log: pino({ level: 'silent' }),
      timers: systemTimers,
    });
    return new Canary(parts, track, scorer);
  }

  /** Runs `shadow` beside `live` over what happens, as an agent does. */
  async compare(
    live: DrilledModel,
    shadow: DrilledModel,
    happens: readonly Trace[],
    federation: FederationId,
    startedMs: number,
  ): Promise<Comparison> {
    const host = new ScoringHost(this.#scoring, new Map());
    const [first, second] = [await this.#load(live, host), await this.#load(shadow, host)];
    unwrap(await host.swap(first));
    const run = new ShadowRun(shadow.version, live.version, startedMs);
    unwrap(await host.shadow(second, (seen) => run.observe(seen)));
    for (let at = 0; at < happens.length; at += 50) {
      await this.#scoring.judge(happens.slice(at, at + 50).map(observed));
    }
    const { folder, cluster } = this.#parts;
    return {
      report: async (attackSet) => {
        const file = join(folder, cluster, 'attacks.tsv.gz');
        await writeTraces(file, cluster, attackSet, 'attack');
        const judging = new ScoringHost(this.#scoring, unwrap(await readAttackSet(file)));
        const known = {
          shadow: unwrap(await judging.judgeKnown(second)),
          live: unwrap(await judging.judgeKnown(first)),
        };
        return run.report({ federation, cluster, track: id }, known, Date.now());
      },
    };
  }

  async close(): Promise<void> {
    await this.#scoring.close();
    this.#track.buffer.close();
  }

  async #load({ version, spec, weights }: DrilledModel, host: ScoringHost) {
    const bytes = bytesOfValues(weights);
    const weightsPath = join(this.#parts.folder, this.#parts.cluster, `${version}.f32`);
    await writeFile(weightsPath, bytes);
    const model: HeldModel = { version, digest: digestOf(bytes), spec, weightsPath };
    return unwrap(await host.load(model));
  }
}

export type DrilledModel = Readonly<{ version: number; spec: ModelSpec; weights: Float32Array }>;

function observed({ name, service, calls }: Trace): AssembledTrace {
  return {
    thread: name,
    process: {
      ...{ node: 'n1', namespace: 'shop', workload: service, pod: `${service}-1`, container: service, binary: service },
      ...{ pid: 1, workloadClass: service },
    },
    calls,
    argumentClasses: new Uint16Array(calls.length),
    firstMs: 0,
    lastMs: 0,
    piece: 0,
    began: 0,
  };
}
