import type { Overview } from '../operations/overview.ts';

/** What changed of an overview; `whole` where it is all of it. Rows take the place of earlier ones of the same name. */
export type OverviewNews = Readonly<{
  whole: boolean;
  coordinator?: Overview['coordinator'];
  /** All of them, worst first, where one changed; at most 500. */
  attention?: Readonly<{ rows: Overview['attention']; count: number }>;
  tracks: Overview['tracks'];
  clusters: Overview['clusters'];
  gone: Readonly<{ tracks: readonly string[]; clusters: readonly string[] }>;
}>;

/** What pages were told last, as text, by name: what has the same text is not told again. */
export type Told = Readonly<{
  coordinator: string;
  attention: string;
  tracks: ReadonlyMap<string, string>;
  clusters: ReadonlyMap<string, string>;
}>;

const attentionMax = 500;
/** Free space moves with every entry; pages need not. */
const freeBytesStep = 64 << 20;

/** What is new since `before`, and what pages know afterwards. `news` undefined: nothing. Pure. */
export function newsOf(
  before: Told | undefined,
  view: Overview,
): Readonly<{ told: Told; news: OverviewNews | undefined }> {
  const { coordinator, attention, tracks, clusters } = view;
  const shown = { rows: attention.slice(0, attentionMax), count: attention.length };
  const told: Told = {
    coordinator: JSON.stringify({ ...coordinator, atMs: 0, sequence: 0, freeBytes: rounded(coordinator.freeBytes) }),
    attention: JSON.stringify(shown),
    tracks: new Map(tracks.map((row) => [row.track, JSON.stringify(row)])),
    clusters: new Map(clusters.map((row) => [row.cluster, JSON.stringify(row)])),
  };
  const isNew = (known: ReadonlyMap<string, string> | undefined, now: ReadonlyMap<string, string>) => (name: string) =>
    known?.get(name) !== now.get(name);
  const trackIsNew = isNew(before?.tracks, told.tracks);
  const clusterIsNew = isNew(before?.clusters, told.clusters);
  const news: OverviewNews = {
    whole: before === undefined,
    ...(before?.coordinator !== told.coordinator && { coordinator }),
    ...(before?.attention !== told.attention && { attention: shown }),
    tracks: tracks.filter(({ track }) => trackIsNew(track)),
    clusters: clusters.filter(({ cluster }) => clusterIsNew(cluster)),
    gone: { tracks: gone(before?.tracks, told.tracks), clusters: gone(before?.clusters, told.clusters) },
  };
  return { told, news: isEmpty(news) ? undefined : news };
}

function isEmpty({
  coordinator,
  attention,
  tracks,
  clusters,
  gone: { tracks: t, clusters: c },
}: OverviewNews): boolean {
  return !coordinator && !attention && tracks.length + clusters.length + t.length + c.length === 0;
}

function gone(before: ReadonlyMap<string, string> | undefined, now: ReadonlyMap<string, string>): readonly string[] {
  return [...(before?.keys() ?? [])].filter((name) => !now.has(name));
}

/** Down to a step, but never to "full": that counts to the byte. */
function rounded(bytes: number): number {
  return bytes < freeBytesStep ? Math.min(bytes, 1) : bytes - (bytes % freeBytesStep);
}
