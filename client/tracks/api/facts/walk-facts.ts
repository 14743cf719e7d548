import { type ApiCall, type ApiExample, fromNowhere, fromOutside } from '../example.ts';
import { combine, hashText } from './hash.ts';
import { type View, viewIds } from './views.ts';

/** One fact of a chain, as visitors see it: the same object for every fact, so nobody keeps it. */
export type Fact = Readonly<{
  view: number;
  /** Index of the call that it is about. */
  call: number;
  /** Name of the field or parameter that it is about; of a value its place among the call's; or empty. */
  about: string;
  /** Hashes of what the fact is conditioned on, from broad to narrow; `levels` of them count. */
  contexts: Uint32Array;
  levels: number;
  /** Contexts from here on are about somebody of this cluster: they are learnt here only. */
  shared: number;
  fact: number;
  /** The fact is the class of a count, and holds for every lower class too. */
  isTail: boolean;
  /** Last gram of a value's shape. */
  isLast: boolean;
}>;
export type FactVisitor = Readonly<{
  visit(fact: Fact): void;
  /** Whether the facts of a call, or the grams of a value's shape, are visited; the same hash, the same facts. */
  takesCall?(hash: number, call: number): boolean;
  takesShape?(hash: number, call: number, about: string): boolean;
}>;

/** What a cluster knows of subjects, networks and objects; it decides which facts hold. */
export type Acquaintance = Readonly<{
  placeOf(subject: number, network: number): number;
  bondOf(subject: number, object: number): number;
}>;

/** What an object is to a subject. */
export const bonds = { unknown: 0, own: 1, shared: 2, ofFew: 3, ofAnother: 4 } as const;
/** What a network is to a subject. */
export const places = { known: 0, newSubject: 1, newNetwork: 2 } as const;

const current = {
  view: 0,
  call: 0,
  about: '',
  contexts: new Uint32Array(4),
  levels: 0,
  shared: 0,
  fact: 0,
  isTail: false,
  isLast: false,
};

/** Visits every fact of a chain. `routes`: templates by call, as the cluster learnt them. */
export function walkFacts(
  example: ApiExample,
  routes: readonly string[],
  known: Acquaintance,
  visitor: FactVisitor,
): void {
  const { calls } = example;
  current.isTail = false;
  for (let at = 0; at < calls.length; at++) walkCall(calls, routes, at, example.subject !== 0, visitor);
  walkBehaviour(example, routes[0] as string, known, visitor);
}

function walkCall(
  calls: readonly ApiCall[],
  routes: readonly string[],
  at: number,
  hasSubject: boolean,
  visitor: FactVisitor,
): void {
  const call = calls[at] as ApiCall;
  const server = hashText(call.server);
  const route = routeKey(call.method, routes[at] as string);
  const here = combine(server, route);
  const caller = call.parent === fromOutside ? 1 : hashText(call.caller);
  const credentials = combine(hashText(call.auth), hashText(call.issuer)) + (hasSubject ? 1 : 0);
  const order = orderOf(calls, routes, call);
  if (visitor.takesCall !== undefined) {
    const amounts = (call.status << 20) ^ (call.sent << 8) ^ call.received;
    let hash = combine(combine(here, caller), combine(combine(credentials, order), amounts));
    for (const field of call.fields ?? []) hash = combine(hash, hashText(field));
    for (const [name, shape] of call.values) hash = combine(combine(hash, hashText(name)), hashText(shape));
    if (!visitor.takesCall(hash, at)) return;
  }
  current.call = at;
  current.about = '';
  visitor.visit(inThree('route', 0, server, -1, route));
  visitor.visit(inThree('status', 0, route, here, call.status));
  visitor.visit(inThree('caller', server, here, -1, caller));
  visitor.visit(inThree('credentials', 0, server, here, credentials));
  const status = Math.floor(call.status / 100);
  visitor.visit(inThree('size', combine(route, status), combine(here, status), -1, call.sent));
  visitor.visit(inThree('size', combine(route, 9), combine(here, 9), -1, 1_000 + call.received));
  visitor.visit(inThree('order', server, here, -1, order));
  for (const field of call.fields ?? []) {
    current.about = field;
    visitor.visit(inThree('field', route, here, -1, hashText(field)));
  }
  for (const [which, [name, shape]] of call.values.entries()) {
    const named = hashText(name);
    const isPath = name === '/';
    current.about = name;
    if (!isPath && !name.startsWith('#')) visitor.visit(inThree('parameter', route, here, -1, named));
    // Of a name that is there twice, the value that is meant.
    current.about = String(which);
    const place = combine(isPath ? server : here, named);
    if (visitor.takesShape?.(combine(place, hashText(shape)), at, current.about) === false) continue;
    walkShape(shape, combine(named, 5), place, visitor);
  }
}

/** Grams of three characters of a shape, its begin and end marked. */
function walkShape(shape: string, named: number, here: number, visitor: FactVisitor): void {
  const { contexts } = current;
  current.view = viewIds.value;
  current.levels = 3;
  current.shared = 3;
  let [first, second] = [1, 1];
  for (let place = 0; place <= shape.length; place++) {
    const character = place === shape.length ? 2 : shape.charCodeAt(place) + 3;
    contexts[0] = valueGrams;
    contexts[1] = named;
    contexts[2] = here;
    current.fact = combine(combine(first, second), character);
    current.isLast = place === shape.length;
    visitor.visit(current);
    [first, second] = [second, character];
  }
  current.isLast = false;
}

const valueGrams = hashText('grams of values');

/** What subject, source and route have been doing. */
function walkBehaviour(example: ApiExample, rootRoute: string, known: Acquaintance, visitor: FactVisitor): void {
  const { calls, around, subject, source, network } = example;
  const root = calls[0] as ApiCall;
  const route = routeKey(root.method, rootRoute);
  const here = combine(hashText(root.server), route);
  const principal = subject || source;
  current.call = 0;
  current.about = '';
  if (principal === 0) return;
  visitor.visit(inThree('transition', 0, here, -1, hashText(around.previous)));
  if (subject !== 0) {
    const place = known.placeOf(subject, network);
    visitor.visit(ofSomebody('place', 0, subject, -1, place));
    if (place !== places.known) visitor.visit(inThree('arrival', 0, place + 1, -1, hashText(around.arrival)));
    visitor.visit(count('switches', here, subject, around.switches));
  }
  if (around.objects.length > 0) {
    const habit = combine(principal, route);
    for (const object of around.named)
      visitor.visit(ofSomebody('stranger', 0, here, habit, known.bondOf(principal, object)));
    let [fresh, others] = [0, 0];
    for (const object of around.objects) {
      const bond = known.bondOf(principal, object);
      if (bond !== bonds.own) fresh += 1;
      if (bond >= bonds.ofFew) others += 1;
    }
    visitor.visit(count('objects', here, principal, fresh));
    visitor.visit(count('strangers', here, principal, others));
  }
  visitor.visit(count('rate', here, source, around.rate));
  visitor.visit(count('failures', here, source, around.failures));
  visitor.visit(count('routeFailures', here, -1, around.routeFailures));
  visitor.visit(count('failingSources', here, -1, around.failingSources));
  visitor.visit(count('subjects', here, source, around.subjects));
  current.isTail = false;
}

function orderOf(calls: readonly ApiCall[], routes: readonly string[], call: ApiCall): number {
  if (call.parent === fromOutside) return 1;
  if (call.parent === fromNowhere) return 2;
  const parent = calls[call.parent] as ApiCall;
  return combine(hashText(parent.server), routeKey(parent.method, routes[call.parent] as string));
}

function routeKey(method: string, route: string): number {
  return combine(hashText(method), hashText(route));
}

/** A fact within two or three contexts that every cluster may have; −1: there is no third. */
function inThree(view: View, broad: number, middle: number, narrow: number, fact: number): Fact {
  const levels = narrow === -1 ? 2 : 3;
  return placed(viewIds[view], broad, middle, narrow, levels, levels, fact, false);
}

/** As `inThree`, the narrowest context being somebody of this cluster. */
function ofSomebody(view: View, broad: number, middle: number, narrow: number, fact: number): Fact {
  const levels = narrow === -1 ? 2 : 3;
  return placed(viewIds[view], broad, middle, narrow, levels, levels - 1, fact, false);
}

/** A count, at a route and by somebody; −1: by nobody in particular. */
function count(view: View, here: number, principal: number, value: number): Fact {
  return placed(viewIds[view], 0, here, principal, principal === -1 ? 2 : 3, 2, classOf(value), true);
}

function placed(
  view: number,
  broad: number,
  middle: number,
  narrow: number,
  levels: number,
  shared: number,
  fact: number,
  isTail: boolean,
): Fact {
  const { contexts } = current;
  current.view = view;
  contexts[0] = combine(view, broad);
  contexts[1] = combine(view + 64, middle);
  if (levels === 3) contexts[2] = combine(view + 128, narrow);
  current.levels = levels;
  current.shared = shared;
  current.fact = fact;
  current.isTail = isTail;
  return current;
}

/** Who bears witness to a chain's facts: a network, or a caller inside, in one hour; a chain of nobody in particular for itself. */
export function witnessOf({ network, source, id, atS }: ApiExample): number {
  return combine(network || source || id, Math.floor(atS / 3_600));
}

/** Two classes an octave: 0, 1, 2, 3, 5, 7, 10, 15, … */
export function classOf(amount: number): number {
  return amount > 0 ? Math.round(2 * Math.log2(1 + amount)) : 0;
}
