import type { ApiCall, ApiExample } from '../example.ts';
import { RouteBook } from '../requests/route-book.ts';

/** Plain memories that a model must beat, by name; each score is higher for what is less usual. */
export type BaselineScores = Readonly<{ unseenTemplate: number; tokenNovelty: number; distinctObjects: number }>;

/**
 * Three detectors that need no model: how rare the rarest template is, the mean surprise of the oddest value's trigrams on its
 * route, and how many objects the subject asked for in a quarter of an hour that it never had.
 */
export class Baselines {
  readonly #book = new RouteBook();
  readonly #templates = new Map<string, number>();
  readonly #calls = new Map<string, number>();
  readonly #grams = new Map<string, Map<string, number>>();
  readonly #objects = new Set<string>();

  constructor(normal: readonly ApiExample[]) {
    for (const { calls } of normal) for (const call of calls) this.#book.learn(call);
    for (const example of normal) {
      for (const call of example.calls) {
        count(this.#templates, this.#template(call));
        count(this.#calls, call.server);
        for (const [, shape] of call.values) {
          const known = this.#gramsOf(this.#template(call));
          for (const gram of trigrams(shape)) count(known, gram);
        }
      }
      for (const object of example.around.named) this.#objects.add(`${principalOf(example)} ${object}`);
    }
  }

  score(example: ApiExample): BaselineScores {
    let [unseenTemplate, tokenNovelty] = [0, 0];
    for (const call of example.calls) {
      const template = this.#template(call);
      const seen = this.#templates.get(template) ?? 0;
      unseenTemplate = Math.max(unseenTemplate, -Math.log((seen + 0.5) / ((this.#calls.get(call.server) ?? 0) + 1)));
      const known = this.#grams.get(template) ?? new Map<string, number>();
      let total = 0;
      for (const times of known.values()) total += times;
      for (const [, shape] of call.values) {
        const grams = trigrams(shape);
        const nats = grams.map((gram) => -Math.log(((known.get(gram) ?? 0) + 0.1) / (total + 100)));
        tokenNovelty = Math.max(tokenNovelty, nats.reduce((sum, one) => sum + one, 0) / nats.length);
      }
    }
    const fresh = example.around.objects.filter((object) => !this.#objects.has(`${principalOf(example)} ${object}`));
    return { unseenTemplate, tokenNovelty, distinctObjects: fresh.length };
  }

  #template({ server, method, route }: ApiCall): string {
    return `${server} ${method} ${this.#book.templateOf(server, route)}`;
  }

  #gramsOf(template: string): Map<string, number> {
    const known = this.#grams.get(template);
    if (known !== undefined) return known;
    const made = new Map<string, number>();
    this.#grams.set(template, made);
    return made;
  }
}

function principalOf({ subject, source }: ApiExample): number {
  return subject || source;
}

function trigrams(shape: string): string[] {
  const marked = `^${shape}$$`;
  return Array.from({ length: marked.length - 2 }, (_, at) => marked.slice(at, at + 3));
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
