import type { ApiExample } from '../example.ts';
import { combine } from './hash.ts';
import { type Acquaintance, bonds, places, walkFacts } from './walk-facts.ts';

/** Who knows nobody: what an attack brings along is the same in every cluster. */
const stranger: Acquaintance = { placeOf: () => places.known, bondOf: () => bonds.unknown };

/** Contexts that a fact is told within: the broad ones, since the narrow ones are of one service or one route. */
const levelsMax = 2;

/**
 * The distinct features of a chain that antibodies are made of: 32-bit hashes of its facts within their broad contexts, the grams of its
 * values' shapes among them, and none about who sent it. A count is told by every class up to its own. Unordered; shape [distinct].
 */
export function chainAntigens(example: ApiExample): Uint32Array {
  const found = new Set<number>();
  const routes = example.calls.map(({ route }) => route);
  walkFacts(example, routes, stranger, {
    visit({ contexts, shared, fact, isTail }) {
      for (let level = 0; level < Math.min(shared, levelsMax); level++) {
        const context = contexts[level] as number;
        for (let value = isTail ? 1 : fact; value <= fact; value++) found.add(combine(context, value));
      }
    },
  });
  return Uint32Array.from(found);
}
