import type { IntrusionLabel } from '../events/source-item.ts';
import type { Description, Subject } from '../tracks/track-kind.ts';

const labelsMax = 256;
/** Another tool's alert speaks of the same thing when it is about the same pod and within this time. */
const labelWithinMs = 60_000;

/** What other tools said lately, at most `labelsMax` of it: hints about which of our alerts are true. */
export class IntrusionLabels {
  #labels: IntrusionLabel[] = [];

  hear(label: IntrusionLabel): void {
    this.#labels.push(label);
    if (this.#labels.length > labelsMax) this.#labels = this.#labels.slice(-labelsMax / 2);
  }

  /** The rules that were broken by the same pod at about the same time. */
  rulesFor(subject: Subject, { firstMs, lastMs }: Pick<Description, 'firstMs' | 'lastMs'>): string[] {
    if (subject.pod === '') return [];
    return this.#labels
      .filter(({ pod, namespace, atMs }) => {
        const near = atMs >= firstMs - labelWithinMs && atMs <= lastMs + labelWithinMs;
        return pod === subject.pod && namespace === subject.namespace && near;
      })
      .map(({ rule }) => rule);
  }
}
