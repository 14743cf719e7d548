import { familyOf } from '../family.ts';
import type { Outgoing, Sender } from '../outgoing.ts';

/** OCSF 1.3.0: Findings (2), Detection Finding (2004), activity Create (1). */
const schema = { category_uid: 2, class_uid: 2004, activity_id: 1, type_uid: 200401 } as const;
const [medium, high] = [3, 4];

/** One alert as a Detection Finding of the Open Cybersecurity Schema Framework. */
export function ocsfFinding({ alert, repeats }: Outgoing, sender: Sender): object {
  const { namespace, workload, workloadClass, pod } = alert.subject;
  const family = familyOf(alert);
  const atMs = Date.parse(alert.at);
  const [title = '', ...rest] = alert.text.split('\n');
  return {
    ...schema,
    activity_name: 'Create',
    category_name: 'Findings',
    class_name: 'Detection Finding',
    type_name: 'Detection Finding: Create',
    severity_id: family === 'unusual' ? medium : high,
    severity: family === 'unusual' ? 'Medium' : 'High',
    status_id: 1,
    status: 'New',
    time: atMs,
    count: repeats,
    message: title,
    metadata: {
      version: '1.3.0',
      product: { name: 'Testudo', vendor_name: 'Testudo', version: sender.build },
      log_name: 'alerts',
      uid: alert.id,
    },
    finding_info: {
      uid: alert.id,
      title,
      desc: [title, ...rest].join('\n'),
      types: [family],
      created_time: atMs,
      analytic: { name: alert.track, type_id: 4, type: 'Learning (ML/DL)', version: String(alert.modelVersion) },
    },
    resources: [
      {
        type: 'kubernetes pod',
        name: pod === '' ? workload : pod,
        namespace,
        group: { name: workload },
        cloud_partition: sender.cluster,
        labels: [workloadClass, ...alert.labels].filter((label) => label !== ''),
      },
    ],
    unmapped: {
      federation: sender.federation,
      cluster: sender.cluster,
      track: alert.track,
      score: alert.score,
      threshold: alert.threshold,
      detail: alert.detail,
    },
  };
}
