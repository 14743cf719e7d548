/** The thread in which a client scores: models and their arithmetic stay off the event loop. */
import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { unwrap } from '../../proto/fault.ts';
import { layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import { explainTrace, explanationText, normalWindows } from '../detectors/syscall/explain.ts';
import { learnClusterState, SyscallScorer } from '../scoring.ts';
import type { Example } from '../training/example.ts';
import { ExampleBuffer } from '../training/example-buffer.ts';
import type { FromScorer, JudgedTrace, ScoringModel, ToScorer } from './score-protocol.ts';

/** The one cluster that this client knows about. */
const here = 'here';
let scorer: SyscallScorer | undefined;
/** Workload class to windows of its normal examples: what an alert is explained against. */
let backgrounds = new Map<string, Uint16Array[]>();

parentPort?.on('message', (message: ToScorer) => {
  handle(message).then(reply, (error: Error & { fault?: { code: string } }) => {
    reply({ kind: 'failed', id: message.id, code: error.fault?.code ?? 'SCORING_FAILED', message: error.message });
  });
});

async function handle(message: ToScorer): Promise<FromScorer> {
  if (message.kind === 'load') return { kind: 'loaded', id: message.id, ...(await load(message.model)) };
  const current = scorer;
  if (current === undefined) throw new Error('no model is loaded');
  if (message.kind === 'score') {
    return { kind: 'scored', id: message.id, scores: current.score(message.traces.map(toTrace)) };
  }
  const { workload, calls } = message.trace;
  const explanation = explainTrace(
    calls,
    (some) => current.surprisal(toTrace({ workload, calls: some })),
    backgrounds.get(workload) ?? [],
  );
  return { kind: 'explained', id: message.id, explanation, text: explanationText(explanation) };
}

async function load(model: ScoringModel) {
  const weights = unwrap(valuesOfBytes(layoutOf(model.spec), await readFile(model.weightsPath)));
  const buffer = unwrap(ExampleBuffer.open(model.bufferPath, model.dataKey, model.bufferSizes));
  const normal = buffer.read(['reservoir', 'recent', 'hard']).examples;
  const regression = buffer.read(['regression']).examples;
  buffer.close();
  const state = learnClusterState(model.spec, weights, normal.map(toTrace));
  const next = new SyscallScorer({ spec: model.spec, weights, clusters: new Map([[here, state]]) });
  scorer?.close();
  scorer = next;
  const byWorkload = Map.groupBy(normal, ({ workload }) => workload);
  backgrounds = new Map(
    [...byWorkload].map(([workload, own]) => [workload, normalWindows(own.map(({ calls }) => calls))]),
  );
  const scoresOf = (examples: readonly Example[]) => [...next.score(examples.map(toTrace))];
  const normalScores = new Map<string, number[]>();
  for (const [at, score] of scoresOf(normal).entries()) {
    const workload = normal[at]?.workload ?? '';
    normalScores.set(workload, [...(normalScores.get(workload) ?? []), score]);
  }
  const regressionScores = scoresOf(regression).map((score, at) => ({
    workload: regression[at]?.workload ?? '',
    score,
  }));
  return { normal: normalScores, regression: regressionScores };
}

function toTrace({ workload, calls }: JudgedTrace) {
  return { cluster: here, service: workload, calls };
}

function reply(message: FromScorer): void {
  parentPort?.postMessage(message);
}
