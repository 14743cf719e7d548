import type { EpochMs } from '../../time.ts';

/** Of the Open Cybersecurity Schema Framework; readers of 1.1 and later take it: none of what we require has changed since. */
export const ocsfVersion = '1.3.0';

const severities = {
  informational: { severity_id: 1, severity: 'Informational' },
  low: { severity_id: 2, severity: 'Low' },
  medium: { severity_id: 3, severity: 'Medium' },
  high: { severity_id: 4, severity: 'High' },
} as const;

export type OcsfSeverity = keyof typeof severities;
/** A category, class or activity: its number in the schema, and its name there. */
export type OcsfName = Readonly<{ uid: number; name: string }>;
export type OcsfKind = Readonly<{ category: OcsfName; class: OcsfName; activity: OcsfName }>;

/** What every event says of itself: where it belongs in the schema, how grave it is, and when it was. */
export function ocsfHead({ category, class: of, activity }: OcsfKind, severity: OcsfSeverity, atMs: EpochMs) {
  return {
    activity_id: activity.uid,
    activity_name: activity.name,
    category_uid: category.uid,
    category_name: category.name,
    class_uid: of.uid,
    class_name: of.name,
    type_uid: of.uid * 100 + activity.uid,
    type_name: `${of.name}: ${activity.name}`,
    time: atMs,
    ...severities[severity],
  };
}
