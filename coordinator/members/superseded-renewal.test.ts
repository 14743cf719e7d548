import { expect, it } from 'vitest';
import { type Result, unwrap } from '../../base/fault.ts';
import { parseClusterId } from '../../proto/ids.ts';
import { newOperatorKey } from '../keys/operator-credentials.ts';
import { operator, TestFederation } from '../testing/federation.ts';
import { authenticate, type PeerCertificate } from './authenticate.ts';
import { DoorMembers } from './door-members.ts';

const codeOf = (result: Result<unknown>) => (result.ok ? 'OK' : result.fault.code);
const requestOf = async () => (await newOperatorKey()).request;

type Certified = Readonly<{ certificateSerial: string; certificateExpiresAtMs: number }> | undefined;

/** What TLS would have proven of who holds the newest certificate that the journal knows. */
function shown(uri: string, row: Certified): PeerCertificate {
  return { uri, serial: row?.certificateSerial ?? '', expiresAtMs: row?.certificateExpiresAtMs ?? 0 };
}

/** Each was let in by what it shows, and is asked for its renewal only after another took its place. */
it('renews nothing that was superseded between the look at the door and the entry in the journal', async () => {
  const federation = await TestFederation.start();
  const { engine, membership } = federation.coordinator;
  const cluster = parseClusterId('a');
  await federation.enrol('a');
  const before = shown('spiffe://herd/cluster/a', engine.state().clusters.get(cluster));
  expect(codeOf(await membership.renew(operator, before, await requestOf()))).toBe('OK');
  const after = await federation.enrol('a');
  expect(codeOf(await membership.renew(operator, before, await requestOf()))).toBe('CERTIFICATE_SUPERSEDED');
  expect(engine.state().clusters.get(cluster)?.certificateExpiresAtMs).toBe(Number(after.enrolled.expiresAtMs));
});

it('leaves an operator the newest certificate and role, whoever asks by an older one', async () => {
  const federation = await TestFederation.start();
  const { engine, membership } = federation.coordinator;
  const add = async (role: 'viewer' | 'operator') =>
    unwrap(await membership.addOperator(operator, { name: 'ada', role, request: await requestOf() }));
  await add('viewer');
  const before = shown('spiffe://herd/operator/ada/viewer', engine.state().operators.get('ada'));
  await add('operator');
  const newest = shown('spiffe://herd/operator/ada/operator', engine.state().operators.get('ada'));
  expect(codeOf(await membership.renew(operator, before, await requestOf()))).toBe('CERTIFICATE_SUPERSEDED');
  expect(authenticate(newest, engine.federation, engine.state(), Date.now())).toMatchObject({ ok: true });
});

it('renews no door that was added again, with another key, meanwhile', async () => {
  const federation = await TestFederation.start();
  const { engine, authority } = federation.coordinator;
  const doors = new DoorMembers(engine, authority, 86_400_000);
  const add = async () =>
    doors.add(operator, { name: 'north', hosts: ['north.example'], request: await requestOf(), reason: 'test' });
  unwrap(await add());
  const before = { name: 'north', shown: shown('spiffe://herd/door/north', engine.state().doors.get('north')) };
  expect(codeOf(await doors.renew(operator, before, await requestOf()))).toBe('OK');
  unwrap(await add());
  expect(codeOf(await doors.renew(operator, before, await requestOf()))).toBe('CERTIFICATE_SUPERSEDED');
});
