import type { Wording } from '../../base/delivery/outgoing.ts';
import { alertmanagerBody } from './formats/alertmanager.ts';
import { ocsfFinding } from './formats/ocsf.ts';
import { otlpBody } from './formats/otlp.ts';
import { notificationMessage } from './formats/syslog.ts';
import { keyOf, type Notification } from './notification.ts';

/** Notifications in every sink's format; the same of a matter, at the same severity, is the same. */
export const notificationWording: Wording<Notification> = {
  keyOf: (item) => JSON.stringify([keyOf(item), item.state, item.severity]),
  webhook: ({ item: notification, repeats }, { federation }) =>
    JSON.stringify({ format: 'testudo/notification/1', federation, repeats, notification }),
  syslog: notificationMessage,
  alertmanager: alertmanagerBody,
  otlp: otlpBody,
  ocsf: ocsfFinding,
};
