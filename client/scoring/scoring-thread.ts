import { Worker } from 'node:worker_threads';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Explanation, PlaceScores } from '../tracks/track-kind.ts';
import type { FromScorer, ModelName, ScoringModel, ToScorer } from './score-protocol.ts';

type Reply<Kind extends FromScorer['kind']> = Extract<FromScorer, { kind: Kind }>;
type Unnumbered<Message> = Message extends unknown ? Omit<Message, 'id'> : never;
type Question = Unnumbered<ToScorer>;

/** Scores in a thread. A lost thread is started anew with the next question, without any model. */
export class Scorer {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, (reply: FromScorer) => void>();
  #nextId = 0;
  #closed = false;

  /** Loads and warms a model beside the others; `recent` examples are scored with it too. */
  async load(model: ScoringModel, recent: readonly unknown[] = []): Promise<Result<Reply<'loaded'>>> {
    return await this.#ask('loaded', { kind: 'load', model, recent });
  }

  /** Makes a loaded model the live one. Batches asked before are scored by the old one, later ones by the new one. */
  async swap(model: ModelName): Promise<Result<unknown>> {
    return await this.#ask('done', { kind: 'swap', model });
  }

  /** Runs a loaded model in shadow from the next batch on; none for undefined. */
  async shadow(model: ModelName | undefined): Promise<Result<unknown>> {
    return await this.#ask('done', { kind: 'shadow', model });
  }

  /** Closes a model that is neither live nor in shadow. */
  async drop(model: ModelName): Promise<Result<unknown>> {
    return await this.#ask('done', { kind: 'drop', model });
  }

  /** In the order of the examples; higher is less normal. */
  async score(examples: readonly unknown[]): Promise<Result<Reply<'scored'>>> {
    return await this.#ask('scored', { kind: 'score', examples });
  }

  async assess(model: ModelName, examples: readonly unknown[]): Promise<Result<readonly PlaceScores[]>> {
    const reply = await this.#ask('assessed', { kind: 'assess', model, examples });
    return reply.ok ? ok(reply.value.scores) : reply;
  }

  async explain(model: ModelName, example: unknown, place: number): Promise<Result<Explanation>> {
    const reply = await this.#ask('explained', { kind: 'explain', model, example, place });
    return reply.ok ? ok(reply.value.explanation) : reply;
  }

  /** Loaded models and TensorFlow's tensors in the thread: what swaps must not make grow. */
  async count(): Promise<Result<Reply<'counted'>>> {
    return await this.#ask('counted', { kind: 'count' });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
    this.#lost('closed');
  }

  async #ask<Kind extends FromScorer['kind']>(kind: Kind, question: Question): Promise<Result<Reply<Kind>>> {
    if (this.#closed) return refuse('SCORER_LOST', 'scoring: closed');
    this.#nextId += 1;
    const id = this.#nextId;
    const worker = this.#thread();
    const reply = await new Promise<FromScorer>((resolve) => {
      this.#waiting.set(id, resolve);
      worker.postMessage({ ...question, id } as ToScorer);
    });
    if (reply.kind === kind) return ok(reply as Reply<Kind>);
    if (reply.kind === 'failed') return refuse(reply.code, `scoring: ${reply.message}`);
    throw new Error(`the scoring thread answered ${reply.kind} to ${question.kind}`);
  }

  #thread(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`./score-thread.${extension}`, import.meta.url));
    worker.unref();
    worker.on('message', (reply: FromScorer) => {
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    // Ended threads of an earlier question must not take a newer one's questions with them.
    const lost = (why: string) => {
      if (this.#worker === worker) this.#lost(why);
    };
    worker.on('error', (error) => lost(error.message));
    worker.on('exit', () => lost('the scoring thread ended'));
    this.#worker = worker;
    return worker;
  }

  #lost(message: string): void {
    this.#worker = undefined;
    for (const [id, resolve] of this.#waiting) resolve({ kind: 'failed', id, code: 'SCORER_LOST', message });
    this.#waiting.clear();
  }
}
