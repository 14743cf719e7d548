import type { Overview, OverviewNews } from '../../coordinator/web/shapes.ts';

/** The overview as this page knows it. Rows that did not change stay the same objects, so that they are not drawn again. */
export type Known = Readonly<{
  coordinator: Overview['coordinator'];
  attention: Readonly<{ rows: Overview['attention']; count: number }>;
  tracks: Overview['tracks'];
  clusters: Overview['clusters'];
}>;

/** What is known after these news; undefined before the first whole ones. */
export function withNews(known: Known | undefined, news: OverviewNews): Known | undefined {
  const before = news.whole ? undefined : known;
  const coordinator = news.coordinator ?? before?.coordinator;
  if (coordinator === undefined) return known;
  return {
    coordinator,
    attention: news.attention ?? before?.attention ?? { rows: [], count: 0 },
    tracks: merged(before?.tracks ?? [], news.tracks, news.gone.tracks, ({ track }) => track),
    clusters: merged(before?.clusters ?? [], news.clusters, news.gone.clusters, ({ cluster }) => cluster),
  };
}

function merged<Row>(
  before: readonly Row[],
  changed: readonly Row[],
  gone: readonly string[],
  nameOf: (row: Row) => string,
): readonly Row[] {
  if (changed.length === 0 && gone.length === 0) return before;
  const rows = new Map(before.map((row) => [nameOf(row), row]));
  for (const name of gone) rows.delete(name);
  const newcomers = changed.some((row) => !rows.has(nameOf(row)));
  for (const row of changed) rows.set(nameOf(row), row);
  const all = [...rows.values()];
  return newcomers ? all.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)) : all;
}
