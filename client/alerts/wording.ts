import type { Wording } from '../../base/delivery/outgoing.ts';
import type { Alert } from '../scoring/alert.ts';
import { familyOf } from './family.ts';
import { alertmanagerBody } from './formats/alertmanager.ts';
import { ocsfFinding } from './formats/ocsf.ts';
import { otlpBody } from './formats/otlp.ts';
import { alertMessage } from './formats/syslog.ts';
import { webhookBody } from './formats/webhook.ts';

/** Alerts in every sink's format; the same family of the same workload is the same. */
export const alertWording: Wording<Alert> = {
  keyOf(alert) {
    const { namespace, workload, pod } = alert.subject;
    return JSON.stringify([alert.track, namespace, workload === '' ? pod : workload, familyOf(alert)]);
  },
  webhook: webhookBody,
  syslog: alertMessage,
  alertmanager: alertmanagerBody,
  otlp: otlpBody,
  ocsf: ocsfFinding,
};
