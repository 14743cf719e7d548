import { ok } from '../../../base/fault.ts';
import {
  type AddOperatorRequest,
  type AddOperatorResponse,
  type ListOperatorsRequest,
  type ListOperatorsResponse,
  type RemoveOperatorRequest,
  type RemoveOperatorResponse,
  OperatorRole as RoleMessage,
} from '../../../proto/generated/testudo/v1/operator.ts';
import { calls } from '../../access/calls.ts';
import type { OperatorRole } from '../../ledger/journal/events.ts';
import type { Membership } from '../../members/membership.ts';
import { addOperator, removeOperator } from '../../operations/members.ts';
import type { Engine } from '../../rounds/engine.ts';
import { operatorsView } from '../../views/members.ts';
import { pageOf } from '../../views/page.ts';
import type { Door } from '../door.ts';
import { sequenceMessage } from './members.ts';
import { ms } from './messages.ts';

const roles: Readonly<Record<OperatorRole, RoleMessage>> = {
  viewer: RoleMessage.OPERATOR_ROLE_VIEWER,
  operator: RoleMessage.OPERATOR_ROLE_OPERATOR,
  admin: RoleMessage.OPERATOR_ROLE_ADMIN,
};

/** Operators: who may do what. */
export function operatorHandlers(door: Door<'operator'>, engine: Engine, membership: Membership) {
  return {
    listOperators: door.unary<'admin', ListOperatorsRequest, ListOperatorsResponse>(
      calls.operator.listOperators,
      async ({ page }) => {
        const paged = pageOf(operatorsView(engine.state()), page, ({ name }) => name);
        if (!paged.ok) return paged;
        const operators = paged.value.rows.map(({ role, certificateExpiresAtMs, ...row }) => ({
          ...row,
          role: roles[role],
          certificateExpiresAtMs: ms(certificateExpiresAtMs),
        }));
        return ok({ operators, nextPage: paged.value.nextPage });
      },
    ),

    addOperator: door.unary<'admin', AddOperatorRequest, AddOperatorResponse>(
      calls.operator.addOperator,
      async ({ name, role: wanted, certificateRequest, reason }, { actor }) => {
        const [role] = (Object.entries(roles) as [OperatorRole, RoleMessage][]).find(([, it]) => it === wanted) ?? [];
        const added = await addOperator({ membership }, actor, { name, role, certificateRequest, reason });
        if (!added.ok) return added;
        const { chain, expiresAtMs } = added.value;
        return ok({ certificateChain: [...chain], expiresAtMs: ms(expiresAtMs) });
      },
    ),

    removeOperator: door.unary<'admin', RemoveOperatorRequest, RemoveOperatorResponse>(
      calls.operator.removeOperator,
      async (request, { actor }) => sequenceMessage(await removeOperator({ engine, membership }, actor, request)),
    ),
  };
}
