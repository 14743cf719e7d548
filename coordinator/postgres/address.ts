import { ok, type Result, refuse } from '../../base/fault.ts';

/** Where a database is: its servers in the order in which they are tried, of which one is the primary. */
export type PostgresAddress = Readonly<{
  hosts: readonly Readonly<{ host: string; port: number }>[];
  database: string;
  user: string;
}>;

const shape = /^postgres(?:ql)?:\/\/([^\s@/:?#]+)@([^\s@/?#]+)\/([^\s@/:?#]+)$/;
const host = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(?::(\d{1,5}))?$/;
const wanted = 'expected postgres://user@host[:port][,host[:port]…]/database';

/**
 * Reads postgres://user@host[:port][,host[:port]…]/database. URLs of the standard name one host, so this is read by hand. A
 * password is refused: whoever prints a configuration would print it.
 */
export function parsePostgresAddress(url: string): Result<PostgresAddress, 'ADDRESS_INVALID'> {
  if (/^[a-z]+:\/\/[^@/]*:[^@/]*@/.test(url)) {
    return refuse('ADDRESS_INVALID', 'a password does not belong in the address: give it by `password`');
  }
  const [, rawUser = '', list = '', rawDatabase = ''] = shape.exec(url) ?? [];
  const [user, database] = [decoded(rawUser), decoded(rawDatabase)];
  const hosts = list.split(',').map((text) => {
    const [, name = '', port = '5432'] = host.exec(text) ?? [];
    return { host: name.replace(/^\[|\]$/g, ''), port: Number(port) };
  });
  if (
    user === '' ||
    database === '' ||
    hosts.some(({ host: name, port }) => name === '' || port < 1 || port > 65_535)
  ) {
    return refuse('ADDRESS_INVALID', wanted);
  }
  return ok({ hosts, database, user });
}

/** Empty where its escapes are none. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
