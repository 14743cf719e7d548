import { ok, type Result, refuse } from '../../base/fault.ts';
import { LastingThread, ThreadLost } from '../../base/thread-link.ts';
import type { EpochMs } from '../../base/time.ts';
import type { PlaceScores } from '../tracks/place-scores.ts';
import type { Explanation } from '../tracks/track-kind.ts';
import { ScoreDesk } from './score-desk.ts';
import type { FromScorer, ModelName, ScoringModel, ThreadFaultCode, ToScorer } from './score-protocol.ts';

type Reply<Kind extends FromScorer['kind']> = Extract<FromScorer, { kind: Kind }>;

/** The thread's own refusals, and SCORER_LOST where there is no thread to answer. */
export type ScoreFaultCode = ThreadFaultCode | 'SCORER_LOST';
/** Whom a scorer asks. */
export type ScoreLink = Readonly<{
  live(): Readonly<{ ask<Value>(question: ToScorer): Promise<Value> }>;
  close(): Promise<void>;
}>;

function scoringThread(): ScoreLink {
  return new LastingThread<ToScorer>(new URL('./score-thread.ts', import.meta.url));
}

/** Asks this very thread: for a process that has nothing better to do meanwhile, and memory for one heap alone. */
export function scoringHere(): ScoreLink {
  const desk = new ScoreDesk();
  return {
    live: () => ({ ask: <Value>(question: ToScorer) => desk.answer(question) as Promise<Value> }),
    close: async () => desk.close(),
  };
}

/** Scores in a thread unless told otherwise. A lost thread is started anew with the next question, without any model. */
export class Scorer {
  readonly #thread: ScoreLink;
  #closed = false;

  constructor(link: ScoreLink = scoringThread()) {
    this.#thread = link;
  }

  /** Loads and warms a model beside the others, as it is now; `recent` examples are scored with it too. */
  async load(
    model: ScoringModel,
    atMs: EpochMs,
    recent: readonly unknown[] = [],
  ): Promise<Result<Reply<'loaded'>, ScoreFaultCode>> {
    return await this.#ask('loaded', { kind: 'load', model, atMs, recent });
  }

  /** Makes a loaded model the live one. Batches asked before are scored by the old one, later ones by the new one. */
  async swap(model: ModelName): Promise<Result<unknown, ScoreFaultCode>> {
    return await this.#ask('done', { kind: 'swap', model });
  }

  /** Runs a loaded model in shadow from the next batch on; none for undefined. */
  async shadow(model: ModelName | undefined): Promise<Result<unknown, ScoreFaultCode>> {
    return await this.#ask('done', { kind: 'shadow', model });
  }

  /** Closes a model that is neither live nor in shadow. */
  async drop(model: ModelName): Promise<Result<unknown, ScoreFaultCode>> {
    return await this.#ask('done', { kind: 'drop', model });
  }

  /** In the order of the examples; higher is less normal. */
  async score(examples: readonly unknown[]): Promise<Result<Reply<'scored'>, ScoreFaultCode>> {
    return await this.#ask('scored', { kind: 'score', examples });
  }

  async assess(
    model: ModelName,
    examples: readonly unknown[],
  ): Promise<Result<readonly PlaceScores[], ScoreFaultCode>> {
    const reply = await this.#ask('assessed', { kind: 'assess', model, examples });
    return reply.ok ? ok(reply.value.scores) : reply;
  }

  async explain(model: ModelName, example: unknown, place: number): Promise<Result<Explanation, ScoreFaultCode>> {
    const reply = await this.#ask('explained', { kind: 'explain', model, example, place });
    return reply.ok ? ok(reply.value.explanation) : reply;
  }

  /** Loaded models and TensorFlow's tensors in the thread: what swaps must not make grow. */
  async count(): Promise<Result<Reply<'counted'>, ScoreFaultCode>> {
    return await this.#ask('counted', { kind: 'count' });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#thread.close();
  }

  async #ask<Kind extends FromScorer['kind']>(
    kind: Kind,
    question: ToScorer,
  ): Promise<Result<Reply<Kind>, ScoreFaultCode>> {
    if (this.#closed) return refuse('SCORER_LOST', 'scoring: closed');
    let reply: FromScorer;
    try {
      reply = await this.#thread.live().ask<FromScorer>(question);
    } catch (error) {
      const why = this.#closed ? 'closed' : (error as Error).message;
      return refuse(error instanceof ThreadLost ? 'SCORER_LOST' : 'SCORING_FAILED', `scoring: ${why}`);
    }
    if (reply.kind === kind) return ok(reply as Reply<Kind>);
    if (reply.kind === 'failed') return refuse(reply.code, `scoring: ${reply.message}`);
    throw new Error(`the scoring thread answered ${reply.kind} to ${question.kind}`);
  }
}

/** The thread has ended, or began anew and holds nothing of what was loaded. */
export function isLost(answer: Result<unknown, ScoreFaultCode>): boolean {
  return !answer.ok && (answer.fault.code === 'SCORER_LOST' || answer.fault.code === 'MODEL_NOT_LOADED');
}
