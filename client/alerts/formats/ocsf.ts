import { detectionFinding } from '../../../base/delivery/formats/ocsf.ts';
import type { Sender } from '../../../base/delivery/outgoing.ts';
import { familyOf } from '../family.ts';
import type { OutgoingAlert } from '../outgoing-alert.ts';

/** One alert as a Detection Finding of the Open Cybersecurity Schema Framework. */
export function ocsfFinding({ item: alert, repeats }: OutgoingAlert, sender: Sender): object {
  const { namespace, workload, workloadClass, pod } = alert.subject;
  const family = familyOf(alert);
  const pods = {
    type: 'kubernetes pod',
    name: pod === '' ? workload : pod,
    namespace,
    group: { name: workload },
    cloud_partition: sender.cluster,
    labels: [workloadClass, ...alert.labels].filter((label) => label !== ''),
  };
  return detectionFinding(
    {
      activity: 'create',
      severity: family === 'unusual' ? 'medium' : 'high',
      uid: alert.id,
      atMs: Date.parse(alert.at),
      count: repeats,
      text: alert.text,
      types: [family],
      analytic: { name: alert.track, type_id: 4, type: 'Learning (ML/DL)', version: String(alert.modelVersion) },
      resources: [pods],
      unmapped: {
        ...{ federation: sender.federation, cluster: sender.cluster, track: alert.track },
        ...{ score: alert.score, threshold: alert.threshold, detail: alert.detail },
      },
    },
    sender,
  );
}
