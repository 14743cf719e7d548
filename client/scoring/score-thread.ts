/** The thread in which a client scores: models and their arithmetic stay off the event loop. */
import type { Fault } from '../../base/fault.ts';
import { serveThread } from '../../base/thread-link.ts';
import type { TrackScorer } from '../tracks/track-kind.ts';
import { loadModel } from './loaded-model.ts';
import {
  type FromScorer,
  type ModelName,
  type ModelScores,
  nameOf,
  type ThreadFaultCode,
  type ToScorer,
} from './score-protocol.ts';

const models = new Map<ModelName, TrackScorer<unknown>>();
/** The pointer that a swap moves: every batch is scored by the model that it names when the batch is taken up. */
let live: ModelName | undefined;
let shadow: ModelName | undefined;

serveThread(
  (message: ToScorer): Promise<FromScorer> =>
    handle(message).catch((error: Error & { fault?: Fault<ThreadFaultCode> }) => {
      const { code = 'SCORING_FAILED', message: why = error.message } = error.fault ?? {};
      return { kind: 'failed', code, message: why };
    }),
);

async function handle(message: ToScorer): Promise<FromScorer> {
  switch (message.kind) {
    case 'load': {
      const { scorer, normal } = await loadModel(message.model, message.recent);
      const name = nameOf(message.model);
      models.get(name)?.close();
      models.set(name, scorer);
      return { kind: 'loaded', normal };
    }
    case 'swap': {
      modelOf(message.model);
      const before = live;
      live = message.model;
      if (shadow === live) shadow = undefined;
      if (before !== undefined && before !== live && before !== shadow) drop(before);
      return { kind: 'done' };
    }
    case 'shadow': {
      if (message.model !== undefined) modelOf(message.model);
      const before = shadow;
      shadow = message.model;
      if (before !== undefined && before !== shadow && before !== live) drop(before);
      return { kind: 'done' };
    }
    case 'drop':
      if (message.model !== live && message.model !== shadow) drop(message.model);
      return { kind: 'done' };
    case 'score':
      return {
        kind: 'scored',
        live: timed(live, message.examples),
        shadow: shadow === undefined ? undefined : shadowed(shadow, message.examples),
      };
    case 'assess':
      return { kind: 'assessed', scores: modelOf(message.model).score(message.examples) };
    case 'explain':
      // The model that raised the alarm, where a swap has not closed it meanwhile.
      return {
        kind: 'explained',
        explanation: (models.get(message.model) ?? modelOf(live)).explain(message.example, message.place),
      };
    case 'count': {
      // Loaded here alone: scoring with a light form must not need it.
      const { tf } = await import('#tensorflow');
      return { kind: 'counted', models: models.size, tensors: tf.memory().numTensors };
    }
  }
}

function timed(model: ModelName | undefined, examples: readonly unknown[]): ModelScores {
  const opened = modelOf(model);
  const startedMs = performance.now();
  const scores = opened.score(examples);
  return { model: model as ModelName, scores, microseconds: (performance.now() - startedMs) * 1_000 };
}

/** What goes wrong in shadow must not cost the live model's scores: the shadow then says nothing of this batch. */
function shadowed(model: ModelName, examples: readonly unknown[]): ModelScores | undefined {
  try {
    return timed(model, examples);
  } catch {
    return undefined;
  }
}

function modelOf(model: ModelName | undefined): TrackScorer<unknown> {
  const loaded = model === undefined ? undefined : models.get(model);
  if (loaded === undefined) throw new Error(model === undefined ? 'no model is live' : `${model} is not loaded`);
  return loaded;
}

function drop(model: ModelName): void {
  models.get(model)?.close();
  models.delete(model);
}
