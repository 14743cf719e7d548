import type { IncomingMessage } from 'node:http';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { CoordinatorConfig } from '../config/config.ts';
import type { OperatorRole } from '../ledger/journal/events.ts';
import type { Vouched } from '../members/authenticate.ts';
import type { WebFaultCode } from './faults.ts';

export type ProxySettings = NonNullable<CoordinatorConfig['dashboard']['proxy']>;
export type RoleValues = ProxySettings['roles'];

const rolesDown: readonly OperatorRole[] = ['admin', 'operator', 'viewer'];
/** As they stand in the journal: no space, no control character, nothing that turns the direction of text. */
const legalName = /^[\w.+-]{1,64}(?:@[\w.-]{1,128})?$/;

/** The person that somebody whom we trust speaks for; `by` stands behind the name where it has no "@" of its own. */
export function vouchedFor(
  name: unknown,
  values: unknown,
  { by, roles, expiresAtMs }: Readonly<{ by: string; roles: RoleValues; expiresAtMs: EpochMs }>,
): Result<Vouched, WebFaultCode> {
  if (typeof name !== 'string' || !legalName.test(name)) {
    return refuse(
      'LOGIN_REFUSED',
      'no name was given, or none that the journal can hold (letters, digits, ".", "_", "+", "-", one "@")',
    );
  }
  const given = new Set((Array.isArray(values) ? values : [values]).filter((value) => typeof value === 'string'));
  const role = rolesDown.find((one) => roles[one].some((value) => given.has(value)));
  if (role === undefined) {
    return refuse(
      'ROLE_UNKNOWN',
      `${name} is known, and nothing that was said gives a role here (dashboard.${by}.roles)`,
    );
  }
  return ok({ name: name.includes('@') ? name : `${name}@${by}`, role, expiresAtMs });
}

/** Who the proxy says it is; undefined where there is none, or where the request does not come from it. */
export function byProxy(
  request: IncomingMessage,
  settings: ProxySettings | undefined,
  expiresAtMs: EpochMs,
): Result<Vouched, WebFaultCode> | undefined {
  if (settings === undefined) return undefined;
  const { addresses, nameHeader, roleHeader, roles } = settings;
  const from = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const name = request.headers[nameHeader.toLowerCase()];
  if (!addresses.includes(from) || name === undefined) return undefined;
  const values = String(request.headers[roleHeader.toLowerCase()] ?? '')
    .split(',')
    .map((value) => value.trim());
  return vouchedFor(name, values, { by: 'proxy', roles, expiresAtMs });
}
