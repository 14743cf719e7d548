/**
 * The way an intruder may have gone through the workloads: suspicious edges chained in the order of time, the server of one
 * being the client of the next. Bounded: a beam of the best partial paths, each of a few hops, within a stretch of time.
 */
export type Hop = Readonly<{
  /** Keys of workloads. */
  client: string;
  server: string;
  service: string;
  firstMs: number;
  lastMs: number;
  /** Surprisal, nats. */
  score: number;
}>;

export type PathLimits = Readonly<{ hopsMax: number; beam: number; stretchMs: number }>;

const pathDefaults: PathLimits = { hopsMax: 8, beam: 32, stretchMs: 86_400_000 };

/**
 * The path through `alarm` with the highest sum of scores, in the order of time; at least the alarm itself. `hops`: other
 * suspicious edges, any order. No workload is entered twice. O(hops · beam · hopsMax).
 */
export function movementPath(alarm: Hop, hops: readonly Hop[], limits: PathLimits = pathDefaults): readonly Hop[] {
  const near = hops.filter(
    (hop) =>
      hop.lastMs >= alarm.firstMs - limits.stretchMs &&
      hop.firstMs <= alarm.lastMs + limits.stretchMs &&
      !(hop.client === alarm.client && hop.server === alarm.server && hop.service === alarm.service),
  );
  const byServer = Map.groupBy(near, ({ server }) => server);
  const byClient = Map.groupBy(near, ({ client }) => client);
  const before = (path: readonly Hop[]) =>
    (byServer.get((path[0] as Hop).client) ?? [])
      .filter((hop) => hop.firstMs <= (path[0] as Hop).lastMs && !entered(path, hop.client))
      .map((hop) => [hop, ...path]);
  const after = (path: readonly Hop[]) =>
    (byClient.get((path.at(-1) as Hop).server) ?? [])
      .filter((hop) => hop.lastMs >= (path.at(-1) as Hop).firstMs && !entered(path, hop.server))
      .map((hop) => [...path, hop]);
  const reached = longest([[alarm]], before, limits);
  return longest(reached, after, limits)[0] as readonly Hop[];
}

/** The best paths, best first, grown on one side for as long as there is anything to grow with. */
function longest(
  start: readonly (readonly Hop[])[],
  grow: (path: readonly Hop[]) => (readonly Hop[])[],
  { hopsMax, beam }: PathLimits,
): (readonly Hop[])[] {
  let all = [...start];
  let front = all;
  while (front.length > 0) {
    front = best(
      front.filter(({ length }) => length < hopsMax).flatMap((path) => best(grow(path), beam)),
      beam,
    );
    all = best([...all, ...front], beam);
  }
  return all;
}

function best(paths: readonly (readonly Hop[])[], count: number): (readonly Hop[])[] {
  return paths.toSorted((a, b) => weightOf(b) - weightOf(a)).slice(0, count);
}

function weightOf(path: readonly Hop[]): number {
  return path.reduce((sum, { score }) => sum + score, 0);
}

function entered(path: readonly Hop[], workload: string): boolean {
  return path.some(({ client, server }) => client === workload || server === workload);
}
