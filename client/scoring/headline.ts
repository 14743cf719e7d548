import type { Subject } from '../tracks/track-kind.ts';

/** The first line of an alert: whom it is about, and by how much. */
export function headlineOf(subject: Subject, score: number, threshold: number): string {
  return `${nameOf(subject)}: score ${score.toFixed(2)} above ${threshold.toFixed(2)}`;
}

function nameOf({ namespace, workload, workloadClass, pod }: Subject): string {
  const who = workloadClass || workload || 'unknown';
  return pod === '' ? who : `${who} in ${namespace}/${pod}`;
}
