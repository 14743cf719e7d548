import type { Arrow } from './reading.ts';

/**
 * Children of one folder (files, and sub-folders taken as a whole) of which each reaches each other over imports.
 * `among` holds their names, sorted; `arrows` one import for every pair that draws the circle.
 */
export type Circle = Readonly<{ folder: string; among: readonly string[]; arrows: readonly Arrow[] }>;

type Level = Map<string, Map<string, Arrow>>;

/** Every circle, folder by folder: at each level the graph over a folder's children has to be free of them. */
export function circlesIn(arrows: readonly Arrow[]): Circle[] {
  return [...levels(arrows)].flatMap(([folder, level]) =>
    components(level)
      .filter((members) => members.length > 1)
      .map((members) => circle(folder, level, members)),
  );
}

/** The level at which two modules part is the only one where the arrow between them counts. */
function levels(arrows: readonly Arrow[]): Map<string, Level> {
  const found = new Map<string, Level>();
  for (const arrow of arrows) {
    const [from, to] = [arrow.from.split('/'), arrow.to.split('/')];
    let depth = 0;
    while (from[depth] === to[depth] && depth < from.length) depth += 1;
    const [parting, child, other] = [from.slice(0, depth).join('/'), from[depth], to[depth]];
    if (child === undefined || other === undefined) continue;
    const level = entry(found, parting, () => new Map());
    const drawn = entry(level, child, () => new Map());
    if (!drawn.has(other)) drawn.set(other, arrow);
  }
  return found;
}

function circle(folder: string, level: Level, members: readonly string[]): Circle {
  const inside = new Set(members);
  const arrows = members.flatMap((member) =>
    [...(level.get(member) ?? [])].filter(([to]) => inside.has(to)).map(([, arrow]) => arrow),
  );
  return { folder, among: members.toSorted(), arrows };
}

/** Strongly connected components. Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1972. */
function components(level: Level): string[][] {
  const order = new Map<string, number>();
  const path: string[] = [];
  const onPath = new Set<string>();
  const found: string[][] = [];
  const visit = (node: string): number => {
    const number = order.size;
    order.set(node, number);
    path.push(node);
    onPath.add(node);
    let low = number;
    for (const next of level.get(node)?.keys() ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (onPath.has(next)) low = Math.min(low, order.get(next) as number);
    }
    if (low === number) {
      const members = path.splice(path.indexOf(node));
      for (const member of members) onPath.delete(member);
      found.push(members);
    }
    return low;
  };
  for (const node of level.keys()) if (!order.has(node)) visit(node);
  return found;
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
