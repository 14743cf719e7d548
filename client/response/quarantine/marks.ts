import type { MetadataChange } from '../cluster/cluster.ts';
import type { PodFact } from '../cluster/facts.ts';

/** The one label that a pod in quarantine bears: what the deny-all NetworkPolicy of its namespace selects. */
const quarantineLabel = 'testudo.io/quarantined';

const at = 'testudo.io/quarantined-at';
const until = 'testudo.io/quarantine-until';
const evidence = 'testudo.io/evidence';
const alerts = 'testudo.io/alerts';
const labelsBefore = 'testudo.io/labels-before';

/** What a pod says of its own quarantine: the whole state of it, set in the same patch that begins it. */
export type Mark = Readonly<{
  atMs: number;
  /** It is evicted then. */
  untilMs: number;
  /** Digest of the evidence record. */
  evidence: string;
  alerts: readonly string[];
}>;

/** An annotation is at most 256 KiB together with all others. */
const labelsBytesMax = 65_536;

/**
 * The one patch that is a quarantine: every label goes, so that no Service, ReplicaSet, budget or policy selects the pod any
 * more but those that select everything, and the label of the deny-all policy comes. What it bore stands in an annotation.
 */
export function quarantineChange(pod: Pick<PodFact, 'labels'>, mark: Mark): MetadataChange {
  const gone = Object.fromEntries(Object.keys(pod.labels).map((key) => [key, null]));
  const before = JSON.stringify(pod.labels);
  return {
    labels: { ...gone, [quarantineLabel]: 'true' },
    annotations: {
      [at]: new Date(mark.atMs).toISOString(),
      [until]: new Date(mark.untilMs).toISOString(),
      [evidence]: mark.evidence,
      [alerts]: mark.alerts.slice(0, 20).join(' '),
      [labelsBefore]: Buffer.byteLength(before) <= labelsBytesMax ? before : 'too many: they stand in the evidence',
    },
  };
}

/**
 * The mark of a pod in quarantine; undefined for any other. One without an end that can be read is somebody else's, such as an
 * operator's own hand: it is judged, and stays until it is lifted.
 */
export function markOf({ labels, annotations, createdAtMs }: PodFact): Mark | undefined {
  if (labels[quarantineLabel] !== 'true') return undefined;
  const time = (name: string) => Date.parse(annotations[name] ?? '');
  const [atMs, untilMs] = [time(at), time(until)];
  return {
    atMs: Number.isNaN(atMs) ? createdAtMs : atMs,
    untilMs: Number.isNaN(untilMs) ? Number.POSITIVE_INFINITY : untilMs,
    evidence: annotations[evidence] ?? '',
    alerts: (annotations[alerts] ?? '').split(' ').filter((id) => id !== ''),
  };
}
