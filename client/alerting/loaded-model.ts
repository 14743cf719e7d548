import { readFile } from 'node:fs/promises';
import { digestOf } from '../../proto/digest.ts';
import { FaultError, refuse, unwrap } from '../../proto/fault.ts';
import { layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import { openDetector } from '../detectors/syscall/architectures.ts';
import { explainTrace, explanationText, normalWindows } from '../detectors/syscall/explain.ts';
import { learnClusterState, SyscallScorer } from '../scoring.ts';
import { decodeExample, encodeExample } from '../training/example.ts';
import { ExampleBuffer } from '../training/example-buffer.ts';
import type { JudgedTrace, NormalScores, ScoringModel } from './score-protocol.ts';

/** The one cluster that this client knows about. */
const here = 'here';
/** Traces between two turns of the event loop, so that the live model scores while another one warms. */
const tracesPerTurn = 32;

/** One model in memory, calibrated on what is normal in this cluster. */
export class LoadedModel {
  readonly #scorer: SyscallScorer;
  /** Workload class to windows of its normal examples: what an alert is explained against. */
  readonly #backgrounds: ReadonlyMap<string, readonly Uint16Array[]>;

  private constructor(scorer: SyscallScorer, backgrounds: ReadonlyMap<string, readonly Uint16Array[]>) {
    this.#scorer = scorer;
    this.#backgrounds = backgrounds;
  }

  /**
   * Reads, checks, calibrates and warms a model. Its scores of the buffer's normal examples and of the `recent` traces
   * come back: they are what its thresholds start from. Throws a FaultError for bytes that are not the model's.
   */
  static async load(
    model: ScoringModel,
    recent: readonly JudgedTrace[],
  ): Promise<{ loaded: LoadedModel; normal: NormalScores }> {
    const weights = await readWeights(model);
    const buffer = unwrap(
      ExampleBuffer.open(
        model.bufferPath,
        model.dataKey,
        { encode: encodeExample, decode: decodeExample },
        model.bufferSizes,
      ),
    );
    const examples = buffer.read(['reservoir', 'recent', 'hard']).examples;
    buffer.close();
    await turn();
    const detector = await openDetector(model.spec);
    const state = learnClusterState(detector, weights, examples.map(toTrace));
    const scorer = new SyscallScorer({ detector, weights, clusters: new Map([[here, state]]) });
    try {
      const byWorkload = Map.groupBy(examples, ({ workload }) => workload);
      const backgrounds = new Map(
        [...byWorkload].map(([workload, own]) => [workload, normalWindows(own.map(({ calls }) => calls))]),
      );
      const loaded = new LoadedModel(scorer, backgrounds);
      const normal = new Map<string, number[]>();
      const traces = [...examples, ...recent];
      for (let start = 0; start < traces.length; start += tracesPerTurn) {
        await turn();
        const some = traces.slice(start, start + tracesPerTurn);
        for (const [at, score] of loaded.score(some).entries()) {
          const workload = some[at]?.workload ?? '';
          const known = normal.get(workload);
          if (known === undefined) normal.set(workload, [score]);
          else known.push(score);
        }
      }
      return { loaded, normal };
    } catch (error) {
      scorer.close();
      throw error;
    }
  }

  score(traces: readonly JudgedTrace[]): Float64Array {
    return this.#scorer.score(traces.map(toTrace));
  }

  explain({ workload, calls }: JudgedTrace) {
    const surprisal = (some: Uint16Array) => this.#scorer.surprisal(toTrace({ workload, calls: some }));
    const explanation = explainTrace(calls, surprisal, this.#backgrounds.get(workload) ?? []);
    return { explanation, text: explanationText(explanation) };
  }

  close(): void {
    this.#scorer.close();
  }
}

/** The weights as the digest and the spec say: the file may have been altered since it was fetched. */
async function readWeights({ spec, digest, weightsPath }: ScoringModel): Promise<Float32Array> {
  const bytes = await readFile(weightsPath).catch((error: NodeJS.ErrnoException) => {
    throw fault('MODEL_UNREADABLE', `the weights of ${digest} cannot be read (${error.code}); fetch them again`);
  });
  if (digestOf(bytes) !== digest) {
    throw fault('MODEL_DIGEST_MISMATCH', `the file of ${digest} holds other bytes; it will be fetched again`);
  }
  const weights = unwrap(valuesOfBytes(layoutOf(spec), bytes));
  const broken = weights.findIndex((value) => !Number.isFinite(value));
  if (broken >= 0) throw fault('MODEL_NOT_FINITE', `weight ${broken} of ${digest} is not finite; it can judge nothing`);
  return weights;
}

function fault(code: string, message: string): FaultError {
  return new FaultError(refuse(code, message).fault);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function toTrace({ workload, calls }: JudgedTrace) {
  return { cluster: here, service: workload, calls };
}
