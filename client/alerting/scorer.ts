import { Worker } from 'node:worker_threads';
import { ok, type Result, refuse } from '../../proto/fault.ts';
import type { FromScorer, JudgedTrace, ScoringModel, ToScorer } from './score-protocol.ts';

type Loaded = Omit<Extract<FromScorer, { kind: 'loaded' }>, 'kind' | 'id'>;
type Explained = Omit<Extract<FromScorer, { kind: 'explained' }>, 'kind' | 'id'>;
type Unnumbered<Message> = Message extends unknown ? Omit<Message, 'id'> : never;
type Question = Unnumbered<ToScorer>;

/** Scores in a thread. A lost thread is started anew with the next model; until then scoring refuses. */
export class Scorer {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, (reply: FromScorer) => void>();
  #nextId = 0;

  /** Replaces the model; what is being scored finishes with the old one. */
  async load(model: ScoringModel): Promise<Result<Loaded, 'SCORING_FAILED'>> {
    const reply = await this.#ask({ kind: 'load', model });
    return reply.kind === 'loaded' ? ok(reply) : failed(reply);
  }

  /** Shape [traces.length]; higher is less normal. */
  async score(traces: readonly JudgedTrace[]): Promise<Result<Float64Array, 'SCORING_FAILED'>> {
    const reply = await this.#ask({ kind: 'score', traces });
    return reply.kind === 'scored' ? ok(reply.scores) : failed(reply);
  }

  async explain(trace: JudgedTrace): Promise<Result<Explained, 'SCORING_FAILED'>> {
    const reply = await this.#ask({ kind: 'explain', trace });
    return reply.kind === 'explained' ? ok(reply) : failed(reply);
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#lost('closed');
  }

  #ask(question: Question) {
    this.#nextId += 1;
    const id = this.#nextId;
    const worker = this.#thread();
    return new Promise<FromScorer>((resolve) => {
      this.#waiting.set(id, resolve);
      worker.postMessage({ ...question, id } as ToScorer);
    });
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
    worker.on('error', (error) => this.#lost(error.message));
    worker.on('exit', () => this.#lost('the scoring thread ended'));
    this.#worker = worker;
    return worker;
  }

  #lost(message: string): void {
    this.#worker = undefined;
    for (const [id, resolve] of this.#waiting) resolve({ kind: 'failed', id, code: 'SCORING_FAILED', message });
    this.#waiting.clear();
  }
}

function failed(reply: FromScorer) {
  const why = reply.kind === 'failed' ? `${reply.code}: ${reply.message}` : 'out of turn';
  return refuse('SCORING_FAILED', `scoring: ${why}`);
}
