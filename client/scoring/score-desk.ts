import { type Fault, FaultError, refuse } from '../../base/fault.ts';
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

/** The models that are loaded, and what is asked of them: in a thread of its own, or where nothing else would wait. */
export class ScoreDesk {
  readonly #models = new Map<ModelName, TrackScorer<unknown>>();
  /** The pointer that a swap moves: every batch is scored by the model that it names when the batch is taken up. */
  #live: ModelName | undefined;
  #shadow: ModelName | undefined;

  answer(message: ToScorer): Promise<FromScorer> {
    return this.#handle(message).catch((error: Error & { fault?: Fault<ThreadFaultCode> }) => {
      const { code = 'SCORING_FAILED', message: why = error.message } = error.fault ?? {};
      return { kind: 'failed', code, message: why };
    });
  }

  /** Closes every model. May be called twice. */
  close(): void {
    for (const scorer of this.#models.values()) scorer.close();
    this.#models.clear();
  }

  async #handle(message: ToScorer): Promise<FromScorer> {
    switch (message.kind) {
      case 'load': {
        const { scorer, ...loaded } = await loadModel(message.model, message.atMs, message.recent);
        const name = nameOf(message.model);
        this.#models.get(name)?.close();
        this.#models.set(name, scorer);
        return { kind: 'loaded', ...loaded };
      }
      case 'swap': {
        this.#modelOf(message.model);
        const before = this.#live;
        this.#live = message.model;
        if (this.#shadow === this.#live) this.#shadow = undefined;
        if (before !== undefined && before !== this.#live && before !== this.#shadow) this.#drop(before);
        return { kind: 'done' };
      }
      case 'shadow': {
        if (message.model !== undefined) this.#modelOf(message.model);
        const before = this.#shadow;
        this.#shadow = message.model;
        if (before !== undefined && before !== this.#shadow && before !== this.#live) this.#drop(before);
        return { kind: 'done' };
      }
      case 'drop':
        if (message.model !== this.#live && message.model !== this.#shadow) this.#drop(message.model);
        return { kind: 'done' };
      case 'score':
        return {
          kind: 'scored',
          live: this.#timed(this.#live, message.examples),
          shadow: this.#shadow === undefined ? undefined : this.#shadowed(this.#shadow, message.examples),
        };
      case 'assess':
        return { kind: 'assessed', scores: this.#modelOf(message.model).score(message.examples) };
      case 'explain':
        // The model that raised the alarm, where a swap has not closed it meanwhile.
        return {
          kind: 'explained',
          explanation: (this.#models.get(message.model) ?? this.#modelOf(this.#live)).explain(
            message.example,
            message.place,
          ),
        };
      case 'count': {
        // Loaded here alone: scoring with a light form must not need it.
        const { tf } = await import('#tensorflow');
        return { kind: 'counted', models: this.#models.size, tensors: tf.memory().numTensors };
      }
    }
  }

  #timed(model: ModelName | undefined, examples: readonly unknown[]): ModelScores {
    const opened = this.#modelOf(model);
    const startedMs = performance.now();
    const scores = opened.score(examples);
    return { model: model as ModelName, scores, microseconds: (performance.now() - startedMs) * 1_000 };
  }

  /** What goes wrong in shadow must not cost the live model's scores: the shadow then says nothing of this batch. */
  #shadowed(model: ModelName, examples: readonly unknown[]): ModelScores | undefined {
    try {
      return this.#timed(model, examples);
    } catch {
      return undefined;
    }
  }

  #modelOf(model: ModelName | undefined): TrackScorer<unknown> {
    const loaded = model === undefined ? undefined : this.#models.get(model);
    if (loaded !== undefined) return loaded;
    const what = model === undefined ? 'no model is live' : `${model} is not loaded`;
    throw new FaultError(refuse('MODEL_NOT_LOADED', what).fault);
  }

  #drop(model: ModelName): void {
    this.#models.get(model)?.close();
    this.#models.delete(model);
  }
}
