import type { EpochMs } from '../../time.ts';
import type { Sender } from '../outgoing.ts';

/** OCSF 1.3.0: Findings (2), Detection Finding (2004). */
const activities = {
  create: { activity_id: 1, activity_name: 'Create', status_id: 1, status: 'New' },
  close: { activity_id: 3, activity_name: 'Close', status_id: 4, status: 'Resolved' },
} as const;

const severities = {
  low: { severity_id: 2, severity: 'Low' },
  medium: { severity_id: 3, severity: 'Medium' },
  high: { severity_id: 4, severity: 'High' },
} as const;

export type Finding = Readonly<{
  activity: keyof typeof activities;
  severity: keyof typeof severities;
  uid: string;
  atMs: EpochMs;
  count: number;
  /** The first line is the title. */
  text: string;
  types: readonly string[];
  analytic: Readonly<Record<string, string | number>>;
  resources: readonly object[];
  unmapped: Readonly<Record<string, unknown>>;
}>;

/** One Detection Finding of the Open Cybersecurity Schema Framework. */
export function detectionFinding(finding: Finding, sender: Sender): object {
  const { uid, atMs, count, text, types, analytic, resources, unmapped } = finding;
  const activity = activities[finding.activity];
  const [title = ''] = text.split('\n', 1);
  return {
    category_uid: 2,
    category_name: 'Findings',
    class_uid: 2004,
    class_name: 'Detection Finding',
    type_uid: 200_400 + activity.activity_id,
    type_name: `Detection Finding: ${activity.activity_name}`,
    ...activity,
    ...severities[finding.severity],
    time: atMs,
    count,
    message: title,
    metadata: {
      version: '1.3.0',
      product: { name: 'Testudo', vendor_name: 'Testudo', version: sender.build },
      log_name: 'alerts',
      uid,
    },
    finding_info: { uid, title, desc: text, types, created_time: atMs, analytic },
    resources,
    unmapped,
  };
}
