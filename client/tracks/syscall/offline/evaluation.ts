import { contentKey, isBenign, type Trace } from '../../../events/trace.ts';
import { shareAbove, thresholdAt } from '../../metrics.ts';
import { type Quality, qualityOf } from '../../quality.ts';

export type Evaluation = Readonly<{
  /** Drift (benign behaviour that changed on purpose) is left out here and reported beside it. */
  overall: Quality;
  /** With drift counted among the benign. */
  withDrift: Quality;
  /** Share of drift traces above the threshold of 5 % false alarms. */
  driftAlarms: number;
  drift: number;
  /** Intrusions found by at least one of their traces; runs are told by the trace name up to its first dot. */
  runs: Readonly<{ count: number; foundAt1: number; foundAt5: number }>;
  /** Hostile family to its quality against all benign traces. */
  byFamily: Readonly<Record<string, Quality>>;
  /** Cluster to the quality on its own traces. */
  byCluster: Readonly<Record<string, Quality>>;
  /** Service to the quality on its own traces. */
  byService: Readonly<Record<string, Quality>>;
}>;

export type Labelled = Readonly<{ trace: Trace; score: number }>;

/** Evaluates scored traces by their labels. Traces of the split "train" do not count: they were learnt from. */
export function evaluate(scored: readonly Labelled[]): Evaluation {
  const judged = scored.filter(({ trace }) => trace.split !== 'train');
  const drift = judged.filter(({ trace }) => isBenign(trace) && trace.family === 'drift');
  const benign = judged.filter(({ trace }) => isBenign(trace) && trace.family !== 'drift');
  const hostile = judged.filter(({ trace }) => !isBenign(trace));
  const threshold = (rate: number) => thresholdAt(scoresOf(benign), rate);
  const runs = [...Map.groupBy(hostile, ({ trace }) => trace.name.split('.')[0] ?? '').values()].map((traces) =>
    Math.max(...scoresOf(traces)),
  );
  return {
    overall: quality(benign, hostile),
    withDrift: quality([...benign, ...drift], hostile),
    driftAlarms: shareAbove(scoresOf(drift), threshold(0.05)),
    drift: drift.length,
    runs: {
      count: runs.length,
      foundAt1: shareAbove(runs, threshold(0.01)),
      foundAt5: shareAbove(runs, threshold(0.05)),
    },
    byFamily: mapGroups(
      hostile,
      ({ trace }) => trace.family,
      (own) => quality(benign, own),
    ),
    byCluster: split([...benign, ...hostile], ({ trace }) => trace.cluster ?? '-'),
    byService: split([...benign, ...hostile], ({ trace }) => trace.service),
  };
}

/**
 * The first of all traces with the same calls, cluster, service and label: repeats say nothing new, and neither do unseen
 * traces that equal one of the split "train" where the file has it.
 */
export function withoutDuplicates(scored: readonly Labelled[]): Labelled[] {
  const seen = new Set<string>();
  return scored.filter(({ trace }) => {
    const key = [trace.cluster, trace.service, isBenign(trace), contentKey(trace.calls)].join('\t');
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function quality(benign: readonly Labelled[], hostile: readonly Labelled[]): Quality {
  return qualityOf(scoresOf(benign), scoresOf(hostile));
}

function split(scored: readonly Labelled[], key: (one: Labelled) => string): Record<string, Quality> {
  return mapGroups(scored, key, (own) =>
    quality(
      own.filter(({ trace }) => isBenign(trace)),
      own.filter(({ trace }) => !isBenign(trace)),
    ),
  );
}

function mapGroups(
  scored: readonly Labelled[],
  key: (one: Labelled) => string,
  use: (own: Labelled[]) => Quality,
): Record<string, Quality> {
  const groups = Map.groupBy(scored, key);
  return Object.fromEntries([...groups.keys()].sort().map((name) => [name, use(groups.get(name) ?? [])]));
}

function scoresOf(scored: readonly Labelled[]): number[] {
  return scored.map(({ score }) => score);
}
