import type { Entry } from './history.ts';

export type Span = 'day' | 'week' | 'month' | 'all';

/** How often a drill found what it tried, in one span of time. */
export type Sensitivity = Readonly<{
  drill: string;
  /** Its first day, UTC; '' for all of time. */
  from: string;
  found: number;
  missed: number;
  blind: number;
  /** found / (found + missed); null where neither was. */
  share: number | null;
  /** Of 95 %. */
  interval: readonly [low: number, high: number] | null;
}>;

/** Of a normal distribution: 95 % lie within so many standard deviations. */
const z95 = 1.959964;

/**
 * Wilson's score interval of a share, which stays within 0 … 1 and is wide where little was tried. Wilson, "Probable
 * inference, the law of succession, and statistical inference", JASA 1927. `tries` at least 1.
 */
export function wilsonInterval(hits: number, tries: number): readonly [low: number, high: number] {
  const share = hits / tries;
  const weight = z95 ** 2 / tries;
  const centre = (share + weight / 2) / (1 + weight);
  const half = (z95 * Math.sqrt((share * (1 - share)) / tries + weight / (4 * tries))) / (1 + weight);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** By drill and span, in their order. */
export function sensitivityOf(entries: readonly Entry[], span: Span): readonly Sensitivity[] {
  const groups = Map.groupBy(entries, ({ drill, at }) => `${drill}\n${spanOf(at, span)}`);
  return [...groups.keys()].sort().map((key) => {
    const [drill = '', from = ''] = key.split('\n');
    const count = (outcome: Entry['outcome']) =>
      (groups.get(key) ?? []).filter((one) => one.outcome === outcome).length;
    const [found, missed] = [count('found'), count('missed')];
    const tries = found + missed;
    return {
      ...{ drill, from, found, missed, blind: count('not measurable') },
      share: tries === 0 ? null : found / tries,
      interval: tries === 0 ? null : wilsonInterval(found, tries),
    };
  });
}

/** The first day of the span that a time lies in; weeks begin on Monday. */
function spanOf(at: string, span: Span): string {
  if (span === 'all') return '';
  if (span === 'month') return `${at.slice(0, 7)}-01`;
  const day = Date.parse(`${at.slice(0, 10)}T00:00:00Z`);
  const back = span === 'day' ? 0 : (new Date(day).getUTCDay() || 7) - 1;
  return new Date(day - back * 86_400_000).toISOString().slice(0, 10);
}
