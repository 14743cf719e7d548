import type { EpochMs } from '../../time.ts';
import type { Sender } from '../outgoing.ts';
import { type OcsfSeverity, ocsfHead, ocsfVersion } from './ocsf-head.ts';

const category = { uid: 2, name: 'Findings' } as const;
const detection = { uid: 2004, name: 'Detection Finding' } as const;
const activities = {
  create: { activity: { uid: 1, name: 'Create' }, status: { status_id: 1, status: 'New' } },
  close: { activity: { uid: 3, name: 'Close' }, status: { status_id: 4, status: 'Resolved' } },
} as const;

export type Finding = Readonly<{
  activity: keyof typeof activities;
  severity: OcsfSeverity;
  /** Of this event. */
  uid: string;
  /** Of what it is about: an event that closes it has the same. `uid` unless given. */
  findingUid?: string;
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
  const { uid, findingUid = uid, atMs, count, text, types, analytic, resources, unmapped } = finding;
  const { activity, status } = activities[finding.activity];
  const [title = ''] = text.split('\n', 1);
  return {
    ...ocsfHead({ category, class: detection, activity }, finding.severity, atMs),
    ...status,
    count,
    message: title,
    metadata: {
      version: ocsfVersion,
      product: { name: 'Testudo', vendor_name: 'Testudo', version: sender.build },
      log_name: 'alerts',
      uid,
    },
    finding_info: { uid: findingUid, title, desc: text, types, created_time: atMs, analytic },
    resources,
    unmapped,
  };
}
