import type { Fault } from '../../base/fault.ts';

/** Refusals that the dashboard's pages know and no other transport has. */
export type WebFaultCode =
  /** Nobody is logged in, or not any more. */
  | 'SESSION_OVER'
  | 'LINK_INVALID'
  /** Another site's page asked, or this one's without its token. */
  | 'CROSS_SITE'
  /** The request names a host that is not ours: a name that somebody pointed at us. */
  | 'HOST_FOREIGN'
  /** The provider or the proxy knows who it is, and no role follows from it. */
  | 'ROLE_UNKNOWN'
  | 'LOGIN_REFUSED'
  | 'PROVIDER_UNREACHABLE'
  | 'PAGE_UNKNOWN'
  /** What a change would do is no longer what its dry run showed. */
  | 'CHANGED_SINCE';

/** Who may not, whatever they ask for: the page then says so, or asks for another login. */
const statuses: Readonly<Record<string, number>> = {
  SESSION_OVER: 401,
  LINK_INVALID: 401,
  CERTIFICATE_MISSING: 401,
  CERTIFICATE_FOREIGN: 401,
  CERTIFICATE_EXPIRED: 401,
  CERTIFICATE_SUPERSEDED: 401,
  OPERATOR_UNKNOWN: 401,
  OPERATOR_REMOVED: 401,
  ROLE_INSUFFICIENT: 403,
  ROLE_UNKNOWN: 403,
  LOGIN_REFUSED: 401,
  PROVIDER_UNREACHABLE: 502,
  CROSS_SITE: 403,
  HOST_FOREIGN: 421,
  PAGE_UNKNOWN: 404,
  TRACK_NOT_FOUND: 404,
  ROUND_NOT_FOUND: 404,
  VERSION_NOT_FOUND: 404,
  GATE_NOT_OPEN: 404,
  CLUSTER_NOT_ENROLLED: 404,
  REQUEST_INVALID: 400,
  MESSAGE_TOO_LARGE: 413,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  DRAINING: 503,
  DISK_FULL: 503,
};

/** An HTTP status for each refusal; the page goes by the code. */
export function statusOfFault({ code }: Fault): number {
  return statuses[code] ?? 409; // What stands against a change is the state that it meets.
}
