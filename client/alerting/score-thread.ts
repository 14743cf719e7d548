/** The thread in which a client scores: models and their arithmetic stay off the event loop. */
import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { unwrap } from '../../proto/fault.ts';
import { layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import { learnClusterState, SyscallScorer } from '../scoring.ts';
import type { Example } from '../training/example.ts';
import { ExampleBuffer } from '../training/example-buffer.ts';
import type { FromScorer, ScoringModel, ToScorer } from './score-protocol.ts';

/** The one cluster that this client knows about. */
const here = 'here';
let scorer: SyscallScorer | undefined;

parentPort?.on('message', (message: ToScorer) => {
  handle(message).then(reply, (error: Error & { fault?: { code: string } }) => {
    reply({ kind: 'failed', id: message.id, code: error.fault?.code ?? 'SCORING_FAILED', message: error.message });
  });
});

async function handle(message: ToScorer): Promise<FromScorer> {
  if (message.kind === 'load') return { kind: 'loaded', id: message.id, ...(await load(message.model)) };
  const current = scorer;
  if (current === undefined) throw new Error('no model is loaded');
  const traces = message.traces.map(toTrace);
  const scores = current.score(traces);
  return {
    kind: 'scored',
    id: message.id,
    traces: traces.map((trace, at) => ({ score: scores[at] ?? 0, surprisal: current.surprisal(trace) })),
  };
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

function toTrace({ workload, calls }: Readonly<{ workload: string; calls: Uint16Array }>) {
  return { cluster: here, service: workload, calls };
}

function reply(message: FromScorer): void {
  parentPort?.postMessage(message);
}
