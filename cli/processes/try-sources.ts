import type { TriedSource } from '../../client/try-sources.ts';

const unitsMs = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 } as const;

/** `30s`, `2m`, `500ms`, or bare seconds; at most a day. undefined where it is no length of time. */
export function durationMsOf(text: string): number | undefined {
  const [, count, unit = 's'] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|min|h)?$/.exec(text) ?? [];
  const milliseconds = Number(count) * unitsMs[unit as keyof typeof unitsMs];
  return milliseconds > 0 && milliseconds <= 86_400_000 ? milliseconds : undefined;
}

/** What was understood of a source, in lines. */
export function textOfTried({ source, tally, fault, isUsable }: TriedSource): string {
  const { events, workloadCount, edgeCount, lostCount, skipped } = tally;
  const counts = [...events].map(([kind, count]) => `${kind} ${count}`).join(', ');
  const total = [...events.values()].reduce((sum, count) => sum + count, 0);
  const skippedCount = skipped.reduce((sum, { count }) => sum + count, 0);
  const what = counts === '' ? 'none' : counts;
  return [
    `${source}: ${isUsable ? 'understood' : 'NOTHING USABLE'}`,
    `  events: ${total} (${what}), workloads: ${workloadCount}, edges: ${edgeCount}, skipped: ${skippedCount}`,
    ...skipped.map(({ reason, count, where, shape }) => {
      return `  skipped as ${reason}: ${count}, such as ${where}${shape === undefined ? '' : `, which looks like ${shape}`}`;
    }),
    ...(lostCount === 0 ? [] : [`  lost, as the sensor says: ${lostCount}`]),
    ...(fault === undefined ? [] : [`  ${fault}`]),
  ].join('\n');
}
