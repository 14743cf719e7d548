import { type Fault, refuse } from '../../base/fault.ts';
import type { Actor, OperatorRole } from '../ledger/journal/events.ts';
import type { Caller } from '../members/authenticate.ts';
import type { Access } from './calls.ts';

/** Who is behind a call that was let in. */
export type CallerFor<Kind extends Access> = Kind extends 'stranger'
  ? undefined
  : Kind extends 'cluster'
    ? Extract<Caller, { kind: 'cluster' }>
    : Kind extends 'member'
      ? Caller
      : Kind extends 'door'
        ? Extract<Caller, { kind: 'door' }>
        : Extract<Caller, { kind: 'operator' }>;

const roleRank: Readonly<Record<OperatorRole, number>> = { viewer: 0, operator: 1, admin: 2 };

/** Why this caller may not, if so. A role may do what the roles below it may. */
export function authorise(access: Access, caller: Caller | undefined): Fault<'ROLE_INSUFFICIENT'> | undefined {
  if (access === 'stranger' || access === 'member') return undefined;
  if (access === 'door') {
    return caller?.kind === 'door' ? undefined : refuse('ROLE_INSUFFICIENT', 'only doors may call this').fault;
  }
  if (access === 'cluster') {
    return caller?.kind === 'cluster' ? undefined : refuse('ROLE_INSUFFICIENT', 'only clusters may call this').fault;
  }
  if (caller?.kind === 'operator' && roleRank[caller.role] >= roleRank[access]) return undefined;
  return refuse('ROLE_INSUFFICIENT', `this needs the role ${access}`).fault;
}

/** The caller as the audit log names it; whoever showed no certificate is a stranger from an address. `door`: whose word it is. */
export function actorOf(caller: Caller | undefined, address: string, door?: string): Actor {
  switch (caller?.kind) {
    case undefined:
      return { kind: 'stranger', address };
    case 'cluster':
      return { kind: 'cluster', cluster: caller.cluster, ...(door !== undefined && { door }) };
    case 'door':
      return { kind: 'door', name: caller.name };
    case 'operator':
      return { kind: 'operator', name: caller.name, role: caller.role };
  }
}
