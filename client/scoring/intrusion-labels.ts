import type { IntrusionLabel } from '../events/source-item.ts';
import type { Description, Subject } from '../tracks/track-kind.ts';

const labelsMax = 256;
const alertsMax = 256;
/** Another tool's alert speaks of the same thing when it is about the same pod or container and within this time. */
const labelWithinMs = 60_000;
/** What was heard so long ago matches nothing any more: traces are judged a minute after they end, files may lag. */
const keepMs = 600_000;
/** Tools shorten ids of containers to so many digits, or more. */
const idDigitsMin = 12;

type Outcome = 'matched' | 'unmatched';
type Who = Pick<Subject, 'namespace' | 'pod' | 'containerId'>;
type Span = Pick<Description, 'firstMs' | 'lastMs'>;

type Heard = { label: IntrusionLabel; atMs: number; heardMs: number; isMatched: boolean };
type Alarmed = Readonly<{ id: string; who: Who; span: Span; heardMs: number }>;

/** What other tools said lately: hints about which of our alerts are true. Both may come first. Bounded. */
export class IntrusionLabels {
  readonly #nowMs: () => number;
  readonly #count: (outcome: Outcome, labels: number) => void;
  #heard: Heard[] = [];
  #alarmed: Alarmed[] = [];

  /** `count`: each label once, when an alert of ours speaks of the same, or when none can any more. */
  constructor(nowMs: () => number, count: (outcome: Outcome, labels: number) => void) {
    this.#nowMs = nowMs;
    this.#count = count;
  }

  /** The earlier alerts of ours that speak of the same. */
  hear(label: IntrusionLabel): string[] {
    const nowMs = this.#nowMs();
    this.#forget(nowMs);
    if (label.pod === '' && label.container === '') {
      this.#count('unmatched', 1);
      return [];
    }
    // A tool that gives no time speaks of now.
    const atMs = label.atMs > 0 ? label.atMs : nowMs;
    const alerts = this.#alarmed
      .filter(({ who, span }) => isNear(atMs, span) && isSame(label, who))
      .map(({ id }) => id);
    if (alerts.length > 0) this.#count('matched', 1);
    this.#heard.push({ label, atMs, heardMs: nowMs, isMatched: alerts.length > 0 });
    if (this.#heard.length > labelsMax) this.#drop(labelsMax / 2);
    return alerts;
  }

  /** The rules that were broken by whom this alert is about, at about the same time. */
  rulesFor(id: string, { namespace, pod, containerId }: Who, { firstMs, lastMs }: Span): string[] {
    const nowMs = this.#nowMs();
    this.#forget(nowMs);
    const who = { namespace, pod, containerId };
    const span = lastMs > 0 ? { firstMs, lastMs } : { firstMs: nowMs, lastMs: nowMs };
    this.#alarmed.push({ id, who, span, heardMs: nowMs });
    if (this.#alarmed.length > alertsMax) this.#alarmed = this.#alarmed.slice(-alertsMax / 2);
    const same = this.#heard.filter(({ label, atMs }) => isNear(atMs, span) && isSame(label, who));
    const isNew = same.filter(({ isMatched }) => !isMatched);
    for (const heard of isNew) heard.isMatched = true;
    if (isNew.length > 0) this.#count('matched', isNew.length);
    return same.map(({ label }) => label.rule);
  }

  /** Counts what is too old to match. */
  #forget(nowMs: number): void {
    const isOld = ({ heardMs }: { heardMs: number }) => nowMs - heardMs > keepMs;
    // In the order in which they were heard: the first that is kept ends the old ones.
    const kept = this.#heard.findIndex((heard) => !isOld(heard));
    this.#drop(kept === -1 ? this.#heard.length : kept);
    if (this.#alarmed[0] !== undefined && isOld(this.#alarmed[0]))
      this.#alarmed = this.#alarmed.filter((one) => !isOld(one));
  }

  #drop(count: number): void {
    if (count === 0) return;
    const unmatched = this.#heard.slice(0, count).filter(({ isMatched }) => !isMatched).length;
    this.#heard = this.#heard.slice(count);
    if (unmatched > 0) this.#count('unmatched', unmatched);
  }
}

function isNear(atMs: number, { firstMs, lastMs }: Span): boolean {
  return atMs >= firstMs - labelWithinMs && atMs <= lastMs + labelWithinMs;
}

/** By the container's id where both know one, or by the pod; a tool may know a pod's name and not its namespace. */
function isSame(label: IntrusionLabel, { namespace, pod, containerId = '' }: Who): boolean {
  const [short, long] =
    label.container.length < containerId.length ? [label.container, containerId] : [containerId, label.container];
  if (short.length >= idDigitsMin && long.startsWith(short)) return true;
  return pod !== '' && label.pod === pod && (label.namespace === '' || label.namespace === namespace);
}
