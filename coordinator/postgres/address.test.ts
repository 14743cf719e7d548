import { expect, it } from 'vitest';
import { parsePostgresAddress } from './address.ts';

it('an address of a database names its servers in the order in which they are tried', () => {
  expect(parsePostgresAddress('postgres://herd@db-1.example,db-2:5433,[::1]:6000/truth')).toEqual({
    ok: true,
    value: {
      hosts: [
        { host: 'db-1.example', port: 5432 },
        { host: 'db-2', port: 5433 },
        { host: '::1', port: 6000 },
      ],
      database: 'truth',
      user: 'herd',
    },
  });
});

it.each([
  'postgres://herd:secret@db/truth',
  'postgres://herd@db',
  'postgres://db/truth',
  'postgres://herd@db:0/truth',
  'postgres://herd@db,/truth',
  'postgres://herd@db/truth?sslmode=disable',
  'mysql://herd@db/truth',
  'postgres://he%rd@db/truth',
  'postgres://herd@db/tr%uth',
])('an address that is none, or holds a password, is refused and not repeated: %s', (url) => {
  const parsed = parsePostgresAddress(url);
  expect(parsed).toMatchObject({ ok: false, fault: { code: 'ADDRESS_INVALID' } });
  expect(JSON.stringify(parsed)).not.toContain('secret');
});
