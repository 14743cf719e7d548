import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { PlaceScores } from '../../place-scores.ts';
import type { Explanation, TrackScorer } from '../../track-kind.ts';
import { type ApiCall, type ApiExample, aheadMaxS } from '../example.ts';
import { views, viewWeights } from '../facts/views.ts';
import { ApiMemory } from '../memory/api-memory.ts';
import { FederatedEvidence } from '../memory/evidence-table.ts';
import { RouteBook } from '../requests/route-book.ts';
import { Calibration } from './calibration.ts';
import { explained } from './explanation.ts';
import { type Surprise, Surprises } from './surprise.ts';
import { Trails } from './trails.ts';

/** A view counts for what it is rarer than so many nats: once in five normal chains each view is. */
const usualNats = 1.5;
/** What is likely is not rare, though nothing else be likelier: a rarity is at most so many times the surprisal. */
const rarityMax = 4;
/** How much of a score is what the actor did lately, and how much the chain itself. */
const trailShare = 0.5;
/** What happened so long ago, and was not unusual, is what is usual of subjects and objects by now. */
const settledAfterS = 3_600;
const waitingMax = 20_000;
/** Chains rarer than this share of normal ones teach nothing about subjects and objects. */
const unusualNats = -Math.log(0.03);
/** Scores that are given again for the same example: so many of what came last, and at most twice as many. */
const scoresMax = 32_768;
/** Unusual chains of which it is known why, for whoever asks after more was judged. */
const toldMax = 1_024;

/** Why a chain scored as it did: templates by call, and what was surprising before anything was learnt of it. */
type Why = Readonly<{ routes: readonly string[]; surprise: Surprise }>;

/**
 * Scores chains with a federation's evidence and what this cluster's own normal chains taught just now. It goes on learning:
 * services, routes and shapes at once, by witnesses; subjects and objects an hour later, of what was not unusual.
 */
export class ApiJudge implements TrackScorer<ApiExample> {
  readonly #others: FederatedEvidence | undefined;
  readonly #book = new RouteBook();
  readonly #memory = new ApiMemory();
  readonly #surprises: Surprises;
  readonly #trails = new Trails();
  /** By example; those before are forgotten all at once, since taking single ones out of a map costs more than all the scoring. */
  #scores = new Map<number, number>();
  #scoresBefore = new Map<number, number>();
  /** By example, the oldest first. */
  readonly #told = new Map<number, Why>();
  #waiting: ApiExample[] = [];
  /** Where those begin in `#waiting` that still wait. */
  #waitingFrom = 0;
  /** Scores the earlier half of what was learnt, once somebody asks for one of it. */
  #scoreEarlier: (() => void) | undefined;
  readonly #earlier = new Set<number>();
  #views: readonly Calibration[] = views.map(() => new Calibration([]));
  #chains = new Calibration([]);
  #actors = new Calibration([]);

  /** `normal`: in any order. `spec` undefined: without a federation. */
  constructor(spec: ModelSpec | undefined, weights: Float32Array, normal: readonly ApiExample[]) {
    this.#others = spec === undefined ? undefined : new FederatedEvidence(spec, weights);
    this.#surprises = new Surprises(this.#memory, this.#others);
    const inOrder = normal.toSorted((a, b) => a.atS - b.atS);
    for (const { calls } of inOrder) for (const call of calls) this.#book.learn(call);
    this.#calibrate(inOrder);
  }

  score(examples: readonly ApiExample[]): readonly PlaceScores[] {
    return examples.map((example) => {
      const scores = new Float64Array(1);
      scores[0] = this.#scoreOnce(example);
      return { groups: [groupOf(example)], scores };
    });
  }

  explain(example: ApiExample): Explanation {
    const { routes, surprise } = this.#told.get(keyOf(example)) ?? this.#read(example);
    const parts = surprise.nats.map((found, view) => this.#part(view, found));
    return explained(example, routes, surprise, parts, this.#memory);
  }

  close(): void {}

  /** learn: as of `Surprises.of`. */
  #read(example: ApiExample, learn = false): Why {
    const routes = this.#book.templatesOf(example.calls);
    return { routes, surprise: this.#surprises.of(example, routes, learn) };
  }

  /** What a view adds to a chain's score, nats. */
  #part(view: number, found: number): number {
    // Nearly always: what is so likely adds nothing, however rare.
    if (rarityMax * found <= usualNats) return 0;
    const rarity = Math.min((this.#views[view] as Calibration).rarity(found), rarityMax * found);
    return (viewWeights[view] as number) * Math.max(0, rarity - usualNats);
  }

  #sum(nats: Float64Array): number {
    let sum = 0;
    for (let view = 0; view < nats.length; view++) sum += this.#part(view, nats[view] as number);
    return sum;
  }

  #scoreOnce(example: ApiExample): number {
    const key = keyOf(example);
    if (this.#scoreEarlier !== undefined && this.#earlier.has(key)) {
      this.#scoreEarlier();
      this.#scoreEarlier = undefined;
    }
    const known = this.#scores.get(key) ?? this.#scoresBefore.get(key);
    if (known !== undefined) return known;
    this.#settle(example.atS);
    // What nobody in particular sent could all be one's: it teaches nothing while it is judged.
    const why = this.#read(example, example.source !== 0);
    const total = this.#sum(why.surprise.nats);
    const rarity = this.#chains.rarity(total);
    const score = this.#scoreOf(rarity, this.#trails.add(example, rarity));
    if (rarity < unusualNats && this.#waiting.length - this.#waitingFrom < waitingMax) this.#waiting.push(example);
    this.#keep(key, score);
    if (Math.max(rarity, score) >= unusualNats) this.#remember(key, why);
    return score;
  }

  #remember(key: number, { routes, surprise: { nats, calls, about } }: Why): void {
    // The next chain is told in the same arrays.
    this.#told.set(key, { routes, surprise: { nats: nats.slice(), calls: calls.slice(), about: [...about] } });
    if (this.#told.size > toldMax) this.#told.delete(this.#told.keys().next().value as number);
  }

  #scoreOf(rarity: number, trail: number): number {
    return (1 - trailShare) * rarity + trailShare * this.#actors.rarity(trail);
  }

  /** Learns who came from where and what was theirs, once it has stood for a while. */
  #settle(atS: number): void {
    for (; this.#waitingFrom < this.#waiting.length; this.#waitingFrom++) {
      const example = this.#waiting[this.#waitingFrom] as ApiExample;
      if (example.atS > atS + aheadMaxS) continue;
      if (example.atS > atS - settledAfterS) break;
      this.#memory.learnPersonal(example, this.#book.templatesOf(example.calls));
    }
    if (this.#waitingFrom < waitingMax) return;
    this.#waiting = this.#waiting.slice(this.#waitingFrom);
    this.#waitingFrom = 0;
  }

  #keep(key: number, score: number): void {
    if (this.#scores.size >= scoresMax) [this.#scoresBefore, this.#scores] = [this.#scores, new Map()];
    this.#scores.set(key, score);
  }

  /**
   * The earlier half is learnt; the later half is met as it came, and says what is usual. The earlier half is then scored by
   * what the later one taught, so that no example's score knows the example itself.
   */
  #calibrate(normal: readonly ApiExample[]): void {
    const half = Math.floor(normal.length / 2);
    const [earlier, later] = [normal.slice(0, half), normal.slice(half)];
    for (const example of earlier) this.#memory.learn(example, this.#book.templatesOf(example.calls));
    const met = later.map((example) => {
      this.#settle(example.atS);
      const nats = this.#read(example, true).surprise.nats.slice();
      this.#waiting.push(example);
      return nats;
    });
    this.#settle(Number.POSITIVE_INFINITY);
    this.#views = views.map((_, view) => new Calibration(met.map((nats) => nats[view] as number)));
    const totals = met.map((nats) => this.#sum(nats));
    this.#chains = new Calibration(totals);
    const rarities = totals.map((total) => this.#chains.rarity(total));
    const trails = later.map((example, at) => this.#trails.add(example, rarities[at] as number));
    this.#actors = new Calibration(trails);
    for (const [at, example] of later.entries()) {
      this.#keep(keyOf(example), this.#scoreOf(rarities[at] as number, trails[at] as number));
    }
    for (const example of earlier) this.#earlier.add(keyOf(example));
    this.#scoreEarlier = () => this.#scoreByLater(earlier, later);
  }

  #scoreByLater(earlier: readonly ApiExample[], later: readonly ApiExample[]): void {
    const memory = new ApiMemory();
    for (const example of later) memory.learn(example, this.#book.templatesOf(example.calls));
    const [surprises, trails] = [new Surprises(memory, this.#others), new Trails()];
    for (const example of earlier) {
      const routes = this.#book.templatesOf(example.calls);
      const rarity = this.#chains.rarity(this.#sum(surprises.of(example, routes).nats));
      this.#keep(keyOf(example), this.#scoreOf(rarity, trails.add(example, rarity)));
    }
  }
}

/** A threshold for each service that is asked from outside. */
function groupOf({ calls }: ApiExample): string {
  return (calls[0] as ApiCall).server;
}

/** Of its second and its hash, below 2^52: seconds come again after twelve days, with another hash. */
function keyOf({ id, atS }: ApiExample): number {
  return ((atS >>> 0) % 2 ** 20) * 2 ** 32 + id;
}
