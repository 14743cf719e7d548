import { argumentClasses } from '../../../events/argument-class.ts';
import type { JudgingDetector } from '../../detector.ts';
import type { PlaceScores } from '../../place-scores.ts';
import { inTurns } from '../../steps.ts';
import type { Explanation, ScorerOptions, TrackScorer } from '../../track-kind.ts';
import { calibrationTracesMin } from '../memory/local-memory.ts';
import type { Example } from '../traces/example.ts';
import { unknownClassId } from '../traces/workload-classes.ts';
import { leaning } from './alone-score.ts';
import { explainTrace, explanationText, normalWindows, type TraceExplanation } from './explain.ts';
import { explainViews, judgedText } from './explain-views.ts';
import { type ClusterState, clusterStateInSteps, learnClusterState, SyscallScorer } from './scoring.ts';

/** The one cluster that this client knows about. */
const here = 'here';

/**
 * Scores traces with a federation's weights and what this cluster's own normal traces taught just now. A trace is one
 * place; its threshold is its workload class's.
 */
export class TraceJudge implements TrackScorer<Example> {
  readonly #scorer: SyscallScorer;
  /** Workload class to windows of its normal examples: what an alert is explained against. */
  readonly #backgrounds: ReadonlyMap<string, readonly Uint16Array[]>;
  readonly #remarks: readonly string[];

  private constructor(
    detector: JudgingDetector,
    weights: Float32Array,
    normal: readonly Example[],
    state: ClusterState,
  ) {
    state.memory.settle();
    this.#scorer = new SyscallScorer({ detector, weights, clusters: new Map([[here, state]]) });
    const byWorkload = Map.groupBy(normal, ({ workload }) => workload);
    this.#backgrounds = new Map(
      [...byWorkload].map(([workload, own]) => [workload, normalWindows(own.map(({ calls }) => calls))]),
    );
    this.#remarks = remarksOn(state, byWorkload);
  }

  /** weights: what the detector is opened with. */
  static open(
    detector: JudgingDetector,
    weights: Float32Array,
    normal: readonly Example[],
    { callWeights }: ScorerOptions = {},
  ): TraceJudge {
    const state = learnClusterState(detector, weights, normal.map(toTrace), callWeights);
    return new TraceJudge(detector, weights, normal, state);
  }

  /** As `open`, which takes a second where there are many examples: whatever else the thread does goes on meanwhile. */
  static async openInTurns(
    detector: JudgingDetector,
    weights: Float32Array,
    normal: readonly Example[],
    { callWeights }: ScorerOptions = {},
  ): Promise<TraceJudge> {
    const state = await inTurns(clusterStateInSteps(detector, weights, normal.map(toTrace), callWeights));
    return new TraceJudge(detector, weights, normal, state);
  }

  score(examples: readonly Example[]): readonly PlaceScores[] {
    const scores = this.#scorer.score(examples.map(toTrace));
    return examples.map(({ workload }, at) => ({ groups: [workload], scores: scores.subarray(at, at + 1) }));
  }

  explain({ workload, calls, argumentClasses: classes }: Example): Explanation {
    // Other windows than the trace itself are judged by their calls alone.
    const judged = this.#scorer.judgedAs(toTrace({ workload, calls }));
    const surprisal = (some: Uint16Array) =>
      this.#scorer.surprisal(
        toTrace({ workload: judged, calls: some, ...(some === calls && classes && { argumentClasses: classes }) }),
      );
    const explanation = explainTrace(calls, surprisal, this.#backgrounds.get(workload) ?? []);
    const views = explainViews(this.#scorer, toTrace({ workload: judged, calls }));
    return {
      detail: { explanation, ...views.detail, arguments: argumentsOf(explanation, classes) },
      text: [...judgedText(workload, judged), explanationText(explanation), ...views.texts].join('\n'),
    };
  }

  remarks(): readonly string[] {
    return this.#remarks;
  }

  close(): void {
    this.#scorer.close();
  }
}

/** What a person should know of the workloads' calibrations. */
function remarksOn(
  { memory, calibrations, classless }: ClusterState,
  byWorkload: ReadonlyMap<string, readonly Example[]>,
): string[] {
  return [...byWorkload].flatMap(([workload, own]) => {
    const classId = memory.classes.idOf(workload);
    const calibration = calibrations.get(classId);
    const isJudgedElsewhere =
      classId === unknownClassId && memory.classes.names.length > 0 && !classless?.has(workload);
    if (calibration === undefined || isJudgedElsewhere) {
      const count = `${own.length} of ${calibrationTracesMin} normal traces`;
      return [`${workload} is learning: ${count} that a calibration takes`];
    }
    if (calibration.sharedHelps === false) {
      return [`the federated model has no say on ${workload}: it finds the cluster's normal traces strange`];
    }
    if (leaning(calibration) === 0) return [];
    const share = `${((calibration.ownNew ?? 0) * 100).toFixed(0)} %`;
    return [
      `the federated model alone has a say on ${workload} too: to the cluster's past ${share} of a normal trace is new`,
    ];
  });
}

/** Classes of what the least expected calls named, such as "path:credentials". */
function argumentsOf({ calls }: TraceExplanation, classes: Uint16Array | undefined): string[] {
  const ids = calls.map(({ position }) => classes?.[position] ?? 0);
  return [...new Set(ids.filter((id) => id !== 0))].map((id) => argumentClasses[id] ?? 'none');
}

function toTrace({ workload, calls, argumentClasses }: Example) {
  return { cluster: here, service: workload, calls, argumentClasses };
}
