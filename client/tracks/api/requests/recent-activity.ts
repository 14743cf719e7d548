import { type ApiSurroundings, aheadMaxS } from '../example.ts';

const keysMax = 20_000;
/** As far as one is counted. */
export const countedMax = 128;
const objectsMax = 48;
const minuteS = 60;

/** What one chain adds to what is remembered of its source, its subject and its route. */
export type Activity = Readonly<{
  atS: number;
  source: string;
  network: string;
  /** Empty where nobody is named. */
  subject: string;
  /** "server method route" of the call that the client sent. */
  route: string;
  isFailure: boolean;
  objects: readonly number[];
}>;

type Timed<Value> = { atS: number; value: Value };

/** What sources, subjects and routes did lately; the least lately used are forgotten beyond `keysMax` of each. */
export class RecentActivity {
  readonly #requests = new Recent<undefined>(minuteS);
  readonly #failures = new Recent<undefined>(5 * minuteS);
  readonly #routeFailures = new Recent<undefined>(5 * minuteS);
  readonly #failing = new Recent<string>(15 * minuteS);
  readonly #networks = new Recent<string>(30 * minuteS);
  readonly #subjects = new Recent<string>(15 * minuteS);
  readonly #objects = new Recent<number>(15 * minuteS);
  readonly #previous = new LatelyUsed<string>();
  readonly #arrivals = new LatelyUsed<string>();
  readonly #lastOfSource = new LatelyUsed<string>();

  /** Adds a chain and says what is going on with it. Of whom nobody knows who he is, nothing is remembered. */
  add({ atS, source, network, subject, route, isFailure, objects }: Activity): ApiSurroundings {
    if (subject === '' && source === '') return { ...nothingKnown, named: objects, objects };
    const principal = subject === '' ? `source ${source}` : subject;
    const pair = `${subject} ${source}`;
    let arrival = this.#arrivals.get(pair);
    if (arrival === undefined) {
      arrival = this.#lastOfSource.get(source) ?? '';
      this.#arrivals.set(pair, arrival);
    }
    const previous = this.#previous.get(principal) ?? '';
    this.#previous.set(principal, route);
    this.#lastOfSource.set(source, route);
    if (subject !== '') {
      this.#networks.add(subject, atS, network);
      this.#subjects.add(source, atS, subject);
    }
    if (isFailure) {
      this.#failures.add(source, atS, undefined);
      this.#routeFailures.add(route, atS, undefined);
      this.#failing.add(route, atS, source);
    }
    for (const object of objects) this.#objects.add(`${principal} ${route}`, atS, object);
    return {
      rate: this.#requests.add(source, atS, undefined).length,
      failures: this.#failures.of(source, atS).length,
      routeFailures: this.#routeFailures.of(route, atS).length,
      switches: changes(this.#networks.of(subject, atS)),
      failingSources: distinct(this.#failing.of(route, atS)).length,
      subjects: distinct(this.#subjects.of(source, atS)).length,
      named: objects,
      objects: distinct(this.#objects.of(`${principal} ${route}`, atS)).slice(-objectsMax),
      previous,
      arrival,
    };
  }
}

const nothingKnown: ApiSurroundings = {
  rate: 0,
  failures: 0,
  routeFailures: 0,
  failingSources: 0,
  switches: 0,
  subjects: 0,
  named: [],
  objects: [],
  previous: '',
  arrival: '',
};

/** How often the value was another than before. */
function changes<Value>(timed: readonly Timed<Value>[]): number {
  let count = 0;
  for (let at = 1; at < timed.length; at++) if (timed[at]?.value !== timed[at - 1]?.value) count += 1;
  return count;
}

/** Distinct values, the latest use last. */
function distinct<Value>(timed: readonly Timed<Value>[]): Value[] {
  const found = new Set<Value>();
  for (const { value } of timed) {
    found.delete(value);
    found.add(value);
  }
  return [...found];
}

/** Values of the last `spanS` seconds by key, at most `countedMax` of each. */
class Recent<Value> {
  readonly #spanS: number;
  readonly #byKey = new LatelyUsed<Timed<Value>[]>();

  constructor(spanS: number) {
    this.#spanS = spanS;
  }

  add(key: string, atS: number, value: Value): readonly Timed<Value>[] {
    const known = this.of(key, atS) as Timed<Value>[];
    if (known.length === 0) this.#byKey.set(key, known);
    if (known.length >= countedMax) known.shift();
    known.push({ atS, value });
    return known;
  }

  of(key: string, atS: number): readonly Timed<Value>[] {
    const known = this.#byKey.get(key);
    if (known === undefined) return [];
    let old = 0;
    for (; old < known.length; old++) {
      const { atS: then } = known[old] as Timed<Value>;
      if (then > atS - this.#spanS && then <= atS + aheadMaxS) break;
    }
    if (old > 0) known.splice(0, old);
    return known;
  }
}

/** A map that forgets the key that was longest not used, beyond `keysMax`. */
class LatelyUsed<Value> {
  readonly #values = new Map<string, Value>();

  get(key: string): Value | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= keysMax) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }
}
