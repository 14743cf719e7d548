import { seededNumbers } from '../../base/random.ts';
import type { ServiceTask } from '../../lab/data/service-task.ts';
import { type Outcome, outcomeOf, type Setting, sceneOf } from './federation.ts';
import { trainedDelta } from './softmax.ts';

/** Name on the page: no rule, but what the same model knows where nobody has to be trusted. */
export const pooledRule = 'all honest traces in one place';

const training = { steps: 3000, batchSize: 16, learningRate: 4 };

/**
 * The same model trained on all traces of honest clients and the sample together, every service as often: about what no rule can be
 * better than, for the rest is not in anybody's data. The same for the same seed.
 */
export function pooled(task: ServiceTask, setting: Setting, seed: string): Outcome {
  const scene = sceneOf(task, setting, { sampleShare: 0 }, seed);
  const traces = [...scene.clients.slice(setting.byzantine).flat(), ...scene.sample];
  const byService = task.services.map((_, label) => traces.filter((example) => example.label === label));
  const most = Math.max(...byService.map(({ length }) => length));
  const even = byService.flatMap((own) =>
    Array.from({ length: own.length === 0 ? 0 : most }, (_, at) => own[at % own.length] as (typeof own)[number]),
  );
  const { features, classes } = scene.shape;
  const start = new Float32Array(features * classes);
  return outcomeOf(scene, task, trainedDelta(start, scene.shape, even, training, seededNumbers(`pooled ${seed}`)));
}
