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
      : Extract<Caller, { kind: 'operator' }>;

const roleRank: Readonly<Record<OperatorRole, number>> = { viewer: 0, operator: 1, admin: 2 };

/** Why this caller may not, if so. A role may do what the roles below it may. */
export function authorise(access: Access, caller: Caller | undefined): Fault<'ROLE_INSUFFICIENT'> | undefined {
  if (access === 'stranger' || access === 'member') return undefined;
  if (access === 'cluster') {
    return caller?.kind === 'cluster' ? undefined : refuse('ROLE_INSUFFICIENT', 'only clusters may call this').fault;
  }
  if (caller?.kind === 'operator' && roleRank[caller.role] >= roleRank[access]) return undefined;
  return refuse('ROLE_INSUFFICIENT', `this needs the role ${access}`).fault;
}

/** The caller as the audit log names it; whoever showed no certificate is a stranger from an address. */
export function actorOf(caller: Caller | undefined, address: string): Actor {
  if (caller === undefined) return { kind: 'stranger', address };
  return caller.kind === 'cluster'
    ? { kind: 'cluster', cluster: caller.cluster }
    : { kind: 'operator', name: caller.name, role: caller.role };
}
