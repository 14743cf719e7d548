import { type Random, seededRandom } from '../../base/random.ts';

/** What injected flows are labelled: they were never recorded, and every report says so. */
export const injectedFamily = 'injected_movement';

export type InjectionPlan = Readonly<{
  /** Recorded rows under `header`: whose pairs are taken, and from which volumes are borrowed. */
  header: string;
  rows: readonly string[];
  /** When each walk begins, milliseconds; its hops follow within `stretchMs`. */
  startsMs: readonly number[];
  stretchMs: number;
  hopsMax: number;
  seed: number;
}>;

/** Ends that are no workloads of the cluster: an intruder does not walk into them. */
const outside: ReadonlySet<string> = new Set(['client', 'admin', 'ext', '']);

/**
 * Lateral movement that never happened: from one workload taken to be compromised a random walk, each hop to a workload that
 * the one before never calls in normal work, on the port which that workload serves. Rows for the same file; nothing where
 * everybody calls everybody. The same plan gives the same rows.
 */
export function injectedMovement(plan: InjectionPlan): string[] {
  const columns = plan.header.split(',');
  const at = (name: string) => columns.indexOf(name);
  const [start, source, target, label, family] = [
    at('start_s'),
    at('src_service'),
    at('dst_service'),
    at('label'),
    at('family'),
  ] as const;
  const normal = plan.rows.map((row) => row.split(',')).filter((fields) => fields[family] === 'normal');
  const used = new Set(normal.map((fields) => `${fields[source]} ${fields[target]}`));
  const workloads = [...new Set(normal.flatMap((fields) => [fields[source] ?? '', fields[target] ?? '']))]
    .filter((name) => !outside.has(name))
    .sort();
  const random = seededRandom(plan.seed);
  return plan.startsMs.flatMap((startMs) => {
    const path = walk(workloads, (from, to) => !used.has(`${from} ${to}`), plan.hopsMax, random);
    const hops = path.slice(1).map((to, hop) => [path[hop] as string, to] as const);
    return hops.flatMap(([from, to], hop) => {
      const alike = normal.filter((fields) => fields[target] === to);
      const model = alike[Math.floor(random() * alike.length)];
      if (model === undefined) return []; // Nobody ever called it: it serves nothing.
      const fields = [...model];
      fields[start] = ((startMs + ((hop + 0.5) * plan.stretchMs) / hops.length) / 1e3).toFixed(3);
      fields[source] = from;
      fields[label] = 'attack';
      fields[family] = injectedFamily;
      return [fields.join(',')];
    });
  });
}

/** From a workload drawn at random, to one that was not entered yet, as long as there is a way. */
function walk(
  workloads: readonly string[],
  isStrange: (from: string, to: string) => boolean,
  hopsMax: number,
  random: Random,
): string[] {
  const draw = (names: readonly string[]) => names[Math.floor(random() * names.length)];
  const starts = workloads.filter((from) => workloads.some((to) => to !== from && isStrange(from, to)));
  const path: string[] = [];
  for (let next = draw(starts); next !== undefined && path.length <= hopsMax; ) {
    path.push(next);
    const here = next;
    next = draw(workloads.filter((to) => !path.includes(to) && isStrange(here, to)));
  }
  return path;
}
