import type { ApiExample } from '../example.ts';
import { viewIds, views } from '../facts/views.ts';
import { walkFacts } from '../facts/walk-facts.ts';
import type { ApiMemory, SharedEvidence } from '../memory/api-memory.ts';

/** The share of a value's grams that say how odd it is: the oddest. */
const oddestShare = 1 / 3;
const oddestMin = 3;

/** What each view says of a chain: its highest surprisal in nats, and of which call and name. By id of the view. */
export type Surprise = Readonly<{ nats: Float64Array; calls: Uint16Array; about: readonly string[] }>;

export function surpriseOf(
  example: ApiExample,
  routes: readonly string[],
  memory: ApiMemory,
  others: SharedEvidence | undefined,
): Surprise {
  const nats = new Float64Array(views.length);
  const calls = new Uint16Array(views.length);
  const about: string[] = new Array(views.length).fill('');
  let grams: number[] = [];
  const settle = (view: number, found: number, call: number, name: string) => {
    if (found <= (nats[view] as number)) return;
    nats[view] = found;
    calls[view] = call;
    about[view] = name;
  };
  walkFacts(example, routes, memory, (fact) => {
    const found = memory.surprisal(fact, others);
    if (fact.view !== viewIds.value) return settle(fact.view, found, fact.call, fact.about);
    grams.push(found);
    if (!fact.isLast) return;
    settle(viewIds.value, meanOfOddest(grams), fact.call, fact.about);
    grams = [];
  });
  return { nats, calls, about };
}

function meanOfOddest(grams: number[]): number {
  const kept = Math.min(grams.length, Math.max(oddestMin, Math.ceil(grams.length * oddestShare)));
  grams.sort((a, b) => b - a);
  let sum = 0;
  for (let at = 0; at < kept; at++) sum += grams[at] as number;
  return sum / kept;
}
