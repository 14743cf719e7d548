import { ok } from '../../../base/fault.ts';
import type {
  GetDashboardLinkRequest,
  GetDashboardLinkResponse,
} from '../../../proto/generated/testudo/v1/operator_status.ts';
import { calls } from '../../access/calls.ts';
import type { Sessions } from '../../access/sessions.ts';
import type { PeerCertificate } from '../../members/authenticate.ts';
import type { Door } from '../door.ts';
import { ms } from './messages.ts';

/** From an operator's certificate to a session of a browser. */
export function dashboardLinkHandlers(door: Door<'operator'>, sessions: Sessions) {
  return {
    getDashboardLink: door.unary<'viewer', GetDashboardLinkRequest, GetDashboardLinkResponse>(
      calls.operator.getDashboardLink,
      async (_, { certificate }) => {
        const link = sessions.link(certificate as PeerCertificate); // Operators have shown one.
        return link.ok ? ok({ url: link.value.url, expiresAtMs: ms(link.value.expiresAtMs) }) : link;
      },
    ),
  };
}
