import type { Outgoing } from '../../base/delivery/outgoing.ts';
import type { Alert } from '../scoring/alert.ts';

/** An alert on its way to a sink. */
export type OutgoingAlert = Outgoing<Alert>;
