import { detectionFinding } from '../../../base/delivery/formats/ocsf.ts';
import type { Sender } from '../../../base/delivery/outgoing.ts';
import { matterIdOf, type OutgoingNotification } from '../notification.ts';

const severities = { notice: 'low', warning: 'medium', critical: 'high' } as const;

/** A matter as a Detection Finding: created, or closed once it is over; findings of one matter have one `finding_info.uid`. */
export function ocsfFinding({ item, repeats }: OutgoingNotification, sender: Sender): object {
  const { state, code, severity, track, cluster, about, text, next, since } = item;
  return detectionFinding(
    {
      activity: state === 'over' ? 'close' : 'create',
      severity: severities[severity],
      uid: item.id,
      findingUid: matterIdOf(item),
      atMs: Date.parse(item.at),
      count: repeats,
      text: `${text}\nNext: ${next}`,
      types: [code],
      analytic: { name: 'attention', type_id: 1, type: 'Rule', version: sender.build },
      resources: cluster === '' ? [] : [{ type: 'kubernetes cluster', name: cluster }],
      unmapped: { federation: sender.federation, code, track, cluster, about, since, next },
    },
    sender,
  );
}
