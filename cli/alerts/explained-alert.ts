import { onOneLine } from '../../base/text/printable.ts';
import { listing } from '../../base/text/table.ts';
import { familyOf } from '../../client/alerts/family.ts';
import { newestAlerts } from '../../client/alerts/read-alerts.ts';
import type { Alert } from '../../client/scoring/alert.ts';
import { exitWith } from '../exit.ts';

/** The alert of this id; ends the command where the file holds none. */
export async function storedAlert(alertFile: string, id: string): Promise<Alert> {
  for await (const alert of newestAlerts(alertFile)) if (alert.id === id) return alert;
  return exitWith({
    code: 'ALERT_NOT_FOUND',
    message: `no alert ${id} stands in the alert file; \`testudo alerts list\``,
  });
}

/** For people: what happened, why it was an alert, all that its track noted, and what can be done with it. */
export function explainedAlert(alert: Alert): string {
  const { id, at, track, modelVersion, score, threshold, subject, text, labels, detail } = alert;
  const facts = listing({
    alert: id,
    at,
    where: `${subject.namespace}/${subject.workload || subject.pod}, pod ${subject.pod || '-'}`,
    class: subject.workloadClass,
    'judged by': `${track}, version ${modelVersion}`,
    score: `${figure(score)}, ${figure(score / threshold)} times the threshold of ${figure(threshold)}`,
    family: familyOf(alert),
    'said by other tools': labels.join(', '),
  });
  // Some of it is what an intruder wrote: a line break in it must begin no line of ours.
  const noted = Object.entries(detail).map(([name, value]) => `  ${onOneLine(`${name}: ${valueText(value)}`)}`);
  const next = [
    `Normal? \`testudo feedback ${id} false-positive\` teaches it; an attack? \`testudo feedback ${id} confirmed --family NAME\``,
    'keeps it as an example, from which an antibody is made for other clusters.',
  ];
  return [facts, text, ...(noted.length === 0 ? [] : [`Noted:\n${noted.join('\n')}`]), next.join('\n')].join('\n\n');
}

function valueText(value: unknown): string {
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function figure(value: number): string {
  return Number.isFinite(value) ? value.toPrecision(4) : '-';
}
