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
import { isOperatorName } from '../../keys/spiffe.ts';
import type { OperatorRole } from '../../ledger/journal/events.ts';
import type { Membership } from '../../members/membership.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import { checkReason, invalid, ms, pageOf } from './requests.ts';
import { sequenceOf } from './sequence.ts';

const roles: Readonly<Record<OperatorRole, RoleMessage>> = {
  viewer: RoleMessage.OPERATOR_ROLE_VIEWER,
  operator: RoleMessage.OPERATOR_ROLE_OPERATOR,
  admin: RoleMessage.OPERATOR_ROLE_ADMIN,
};

/** Operators: who may do what. */
export function operatorHandlers(door: Door, engine: Engine, membership: Membership) {
  return {
    listOperators: door.unary<'admin', ListOperatorsRequest, ListOperatorsResponse>(
      calls.operator.listOperators,
      async ({ page }) => {
        const sorted = [...engine.state().operators.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
        const paged = pageOf(sorted, page, ({ name }) => name);
        if (!paged.ok) return paged;
        const operators = paged.value.rows.map(({ name, role, certificateExpiresAtMs, removed }) => ({
          name,
          role: roles[role],
          certificateExpiresAtMs: ms(certificateExpiresAtMs),
          removed,
        }));
        return ok({ operators, nextPage: paged.value.nextPage });
      },
    ),

    addOperator: door.unary<'admin', AddOperatorRequest, AddOperatorResponse>(
      calls.operator.addOperator,
      async ({ name, role: wanted, certificateRequest }, { actor }) => {
        if (!isOperatorName(name)) return invalid('name: expected 1 to 63 of a-z, 0-9, "." and "-"');
        const [role] = Object.entries(roles).find(([, message]) => message === wanted) ?? [];
        if (role === undefined) return invalid('role: expected viewer, operator or admin');
        const request = { name, role: role as OperatorRole, request: certificateRequest };
        const added = await membership.addOperator(actor, request);
        if (!added.ok) return added;
        const { chain, expiresAtMs } = added.value;
        return ok({ certificateChain: [...chain], expiresAtMs: ms(expiresAtMs) });
      },
    ),

    removeOperator: door.unary<'admin', RemoveOperatorRequest, RemoveOperatorResponse>(
      calls.operator.removeOperator,
      async ({ name, reason }, { actor }) => {
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        return sequenceOf(engine, await membership.removeOperator(actor, name, reason));
      },
    ),
  };
}
