import type { ApiCall } from '../example.ts';
import { notFound, RouteBook } from '../requests/route-book.ts';

/** What is told apart; what comes beyond is counted as such. */
export const mapLimits = { workloads: 2_000, edges: 10_000, templates: 20_000 } as const;

/** Of a service's other templates so many answer only those who authenticate: then one that does not is worth a look. */
const siblingsShare = 0.5;

type Seen = { firstMs: number; lastMs: number; requests: number };
type MappedTemplate = Seen & { served: number; open: number; callers: Set<string> };

export type Workload = Readonly<{ name: string; isNew: boolean }> & Readonly<Seen>;
export type Edge = Readonly<{ from: string; to: string; isNew: boolean }> & Readonly<Seen>;
export type Template = Readonly<
  Seen & {
    service: string;
    method: string;
    template: string;
    /** Answered with less than 400. */
    served: number;
    /** Of these, without any authentication. */
    open: number;
    callers: number;
    /** Answers most who show nothing of who they are. */
    isOpen: boolean;
    /** … and most others of its service do not. */
    isOpenAmongClosed: boolean;
    isNew: boolean;
  }
>;

export type ApiMapping = Readonly<{
  fromMs: number;
  untilMs: number;
  /** What was first seen from here on is new. */
  newSinceMs: number;
  workloads: readonly Workload[];
  edges: readonly Edge[];
  templates: readonly Template[];
  /** Requests that were not told apart, for want of room. */
  beyond: Readonly<Record<keyof typeof mapLimits, number>>;
}>;

/** Whoever has no name here. */
export const outside = 'outside';
const callersMax = 64;

/** Who talks to whom about what, of any number of calls in bounded memory. */
export class ApiMap {
  readonly #workloads = new Map<string, Seen>();
  readonly #edges = new Map<string, Seen & { from: string; to: string }>();
  readonly #templates = new Map<string, MappedTemplate & { service: string; method: string; route: string }>();
  readonly #book = new RouteBook();
  readonly #beyond = { workloads: 0, edges: 0, templates: 0 };

  add(call: Pick<ApiCall, 'caller' | 'server' | 'method' | 'route' | 'status' | 'auth'>, atMs: number): void {
    const from = call.caller || outside;
    this.#see(this.#workloads, 'workloads', from, atMs, {});
    this.#see(this.#workloads, 'workloads', call.server, atMs, {});
    this.#see(this.#edges, 'edges', `${from} ${call.server}`, atMs, { from, to: call.server });
    this.#book.learn(call);
    const { server: service, method, route } = call;
    const key = `${service} ${method} ${route}`;
    // What is nowhere is no template, whoever asks for it.
    if (call.status === notFound && !this.#templates.has(key)) return;
    const made = { service, method, route, served: 0, open: 0, callers: new Set<string>() };
    const template = this.#see(this.#templates, 'templates', key, atMs, made);
    if (template === undefined) return;
    if (template.callers.size < callersMax) template.callers.add(from);
    if (call.status === 0 || call.status >= 400) return;
    template.served += 1;
    if (call.auth === '' || call.auth === 'none') template.open += 1;
  }

  /** What was first seen `sinceMs` or later is new; the last tenth of the time unless given. */
  mapping(sinceMs?: number): ApiMapping {
    const all = [...this.#workloads.values()];
    const fromMs = all.reduce((least, { firstMs }) => Math.min(least, firstMs), Number.POSITIVE_INFINITY);
    const untilMs = all.reduce((most, { lastMs }) => Math.max(most, lastMs), Number.NEGATIVE_INFINITY);
    const newSinceMs = sinceMs ?? untilMs - (untilMs - fromMs) / 10;
    const isNew = ({ firstMs }: Readonly<Seen>) => firstMs >= newSinceMs;
    const templates = this.#folded();
    return {
      fromMs,
      untilMs,
      newSinceMs,
      workloads: [...this.#workloads].map(([name, seen]) => ({ name, ...seen, isNew: isNew(seen) })),
      edges: [...this.#edges.values()].map((edge) => ({ ...edge, isNew: isNew(edge) })),
      templates: templates.map((one) => ({ ...one, isNew: isNew(one) })),
      beyond: { ...this.#beyond },
    };
  }

  /** Templates as the whole taught them: routes that turned out to name things are one. */
  #folded(): Omit<Template, 'isNew'>[] {
    const merged = new Map<string, MappedTemplate & { service: string; method: string; template: string }>();
    for (const { route, ...one } of this.#templates.values()) {
      const template = this.#book.templateOf(one.service, route);
      const key = `${one.service} ${one.method} ${template}`;
      const known = merged.get(key);
      if (known === undefined) {
        merged.set(key, { ...one, template, callers: new Set(one.callers) });
        continue;
      }
      known.firstMs = Math.min(known.firstMs, one.firstMs);
      known.lastMs = Math.max(known.lastMs, one.lastMs);
      for (const amount of ['requests', 'served', 'open'] as const) known[amount] += one[amount];
      for (const caller of one.callers) known.callers.add(caller);
    }
    const isOpen = ({ served, open }: Readonly<MappedTemplate>) => served > 0 && open * 2 > served;
    const served = [...merged.values()].filter((one) => one.served > 0);
    const closedShare = new Map(
      [...Map.groupBy(served, ({ service }) => service)].map(([service, own]) => [
        service,
        own.filter((one) => !isOpen(one)).length / own.length,
      ]),
    );
    return [...merged.values()].map((one) => ({
      ...one,
      callers: one.callers.size,
      isOpen: isOpen(one),
      isOpenAmongClosed: isOpen(one) && (closedShare.get(one.service) ?? 0) >= siblingsShare,
    }));
  }

  #see<Extra extends object>(
    map: Map<string, Seen & Extra>,
    what: keyof typeof mapLimits,
    key: string,
    atMs: number,
    extra: Extra,
  ): (Seen & Extra) | undefined {
    const known = map.get(key);
    if (known !== undefined) {
      known.requests += 1;
      known.firstMs = Math.min(known.firstMs, atMs);
      known.lastMs = Math.max(known.lastMs, atMs);
      return known;
    }
    if (map.size >= mapLimits[what]) {
      this.#beyond[what] += 1;
      return undefined;
    }
    const made = { firstMs: atMs, lastMs: atMs, requests: 1, ...extra };
    map.set(key, made);
    return made;
  }
}
