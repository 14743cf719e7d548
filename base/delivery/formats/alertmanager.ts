import type { EpochMs } from '../../time.ts';

export type AlertmanagerAlert = Readonly<{
  /** Tell groups apart; the empty ones are left out, as Alertmanager takes an empty label for none. */
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  /** RFC 3339. */
  startsAt: string;
  /** From when Alertmanager takes it for resolved. */
  endsAtMs: EpochMs;
}>;

/** The body of POST /api/v2/alerts. */
export function alertmanagerAlerts(alerts: readonly AlertmanagerAlert[]): string {
  return JSON.stringify(
    alerts.map(({ labels, annotations, startsAt, endsAtMs }) => {
      const named = Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
      return { labels: named, annotations, startsAt, endsAt: new Date(endsAtMs).toISOString() };
    }),
  );
}
