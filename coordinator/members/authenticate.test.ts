import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseClusterId, parseFederationId } from '../../proto/ids.ts';
import { parseSpiffeId, spiffeId } from '../keys/spiffe.ts';
import type { Cluster, DoorMember, Operator, State } from '../ledger/state/state.ts';
import { authenticate } from './authenticate.ts';

const federation = parseFederationId('herd');
const nowMs = 1_800_000_000_000;
const serialAt = (atMs: number) => `01${atMs.toString(16).padStart(12, '0')}${'ab'.repeat(9)}`;

const eu = parseClusterId('eu-1');
const member: Cluster = {
  cluster: eu,
  status: 'enrolled',
  enrolledAtMs: nowMs - 1000,
  signingKey: '',
  certificateSerial: serialAt(nowMs - 1000),
  certificateExpiresAtMs: nowMs + 1000,
  earlierSerials: [],
  quarantined: false,
  evidence: [],
  labels: {},
  revokedBecause: null,
};
const ada: Operator = {
  name: 'ada',
  role: 'operator',
  certificateSerial: serialAt(nowMs - 1000),
  certificateExpiresAtMs: nowMs + 1000,
  removed: false,
};
const edge: DoorMember = {
  name: 'edge',
  hosts: [],
  addedAtMs: nowMs - 1000,
  certificateSerial: serialAt(nowMs - 1000),
  certificateExpiresAtMs: nowMs + 1000,
  revoked: false,
};

function stateWith(
  cluster: Partial<Cluster> = {},
  operator: Partial<Operator> = {},
  door: Partial<DoorMember> = {},
): Pick<State, 'clusters' | 'operators' | 'doors'> {
  return {
    clusters: new Map([[eu, { ...member, ...cluster }]]),
    operators: new Map([['ada', { ...ada, ...operator }]]),
    doors: new Map([['edge', { ...edge, ...door }]]),
  };
}

function codeOf(uri: string, state = stateWith(), issuedAtMs = nowMs - 1000, expiresAtMs = nowMs + 1000) {
  const got = authenticate({ uri, serial: serialAt(issuedAtMs), expiresAtMs }, federation, state, nowMs);
  return got.ok ? 'OK' : got.fault.code;
}

describe('authenticate', () => {
  it('lets members and operators in by their certificate', () => {
    expect(codeOf('spiffe://herd/cluster/eu-1')).toBe('OK');
    expect(codeOf('spiffe://herd/operator/ada/operator')).toBe('OK');
    expect(codeOf('spiffe://herd/door/edge')).toBe('OK');
  });

  it('lets no door in that was revoked, added again since, or never added', () => {
    const withDoor = (door: Partial<DoorMember>) => stateWith({}, {}, door);
    expect(codeOf('spiffe://herd/door/edge', withDoor({ revoked: true }))).toBe('DOOR_REVOKED');
    expect(codeOf('spiffe://herd/door/edge', withDoor({ addedAtMs: nowMs - 500 }))).toBe('CERTIFICATE_SUPERSEDED');
    expect(codeOf('spiffe://herd/door/other')).toBe('DOOR_UNKNOWN');
    expect(codeOf('spiffe://herd/door/edge/admin')).toBe('CERTIFICATE_FOREIGN');
  });

  it('refuses no certificate, other federations, unknown names and our own server certificate', () => {
    expect(authenticate(undefined, federation, stateWith(), nowMs)).toMatchObject({
      fault: { code: 'CERTIFICATE_MISSING' },
    });
    expect(codeOf('spiffe://flock/cluster/eu-1')).toBe('CERTIFICATE_FOREIGN');
    expect(codeOf('spiffe://herd/coordinator')).toBe('CERTIFICATE_FOREIGN');
    expect(codeOf('spiffe://herd/cluster/eu-2')).toBe('CLUSTER_NOT_ENROLLED');
    expect(codeOf('spiffe://herd/operator/eve/admin')).toBe('OPERATOR_UNKNOWN');
  });

  it('refuses from the millisecond in which a certificate ends', () => {
    expect(codeOf('spiffe://herd/cluster/eu-1', stateWith(), nowMs - 1000, nowMs + 1)).toBe('OK');
    expect(codeOf('spiffe://herd/cluster/eu-1', stateWith(), nowMs - 1000, nowMs)).toBe('CERTIFICATE_EXPIRED');
    expect(codeOf('spiffe://herd/cluster/eu-1', stateWith(), nowMs - 1000, Number.NaN)).toBe('CERTIFICATE_EXPIRED');
  });

  it('refuses the revoked and the removed, and certificates from before a newer enrolment or role', () => {
    expect(codeOf('spiffe://herd/cluster/eu-1', stateWith({ status: 'revoked' }))).toBe('CLUSTER_REVOKED');
    expect(codeOf('spiffe://herd/operator/ada/operator', stateWith({}, { removed: true }))).toBe('OPERATOR_REMOVED');
    expect(codeOf('spiffe://herd/cluster/eu-1', stateWith({ enrolledAtMs: nowMs - 999 }))).toBe(
      'CERTIFICATE_SUPERSEDED',
    );
    expect(codeOf('spiffe://herd/operator/ada/operator', stateWith({}, { role: 'viewer' }))).toBe(
      'CERTIFICATE_SUPERSEDED',
    );
    const renewed = stateWith({}, { certificateSerial: serialAt(nowMs - 500) });
    expect(codeOf('spiffe://herd/operator/ada/operator', renewed)).toBe('CERTIFICATE_SUPERSEDED');
  });

  it('lets an operator in by the certificate that a renewal took the place of, for its hour and in its role', () => {
    const renewed = (untilMs: number, more: Partial<Operator> = {}) =>
      stateWith(
        {},
        {
          ...{ certificateSerial: serialAt(nowMs - 500), replaced: { serial: serialAt(nowMs - 1000), untilMs } },
          ...more,
        },
      );
    const ada = 'spiffe://herd/operator/ada/operator';
    expect(codeOf(ada, renewed(nowMs + 1))).toBe('OK');
    expect(codeOf(ada, renewed(nowMs))).toBe('CERTIFICATE_SUPERSEDED');
    expect(codeOf(ada, renewed(nowMs + 1), nowMs - 1001)).toBe('CERTIFICATE_SUPERSEDED'); // One before that.
    expect(codeOf(ada, renewed(nowMs + 1, { role: 'viewer' }))).toBe('CERTIFICATE_SUPERSEDED');
    expect(codeOf(ada, renewed(nowMs + 1, { removed: true }))).toBe('OPERATOR_REMOVED');
  });

  it('refuses a serial number that is not of our making', () => {
    for (const serial of ['', '00', 'ff'.repeat(16), `01${'zz'.repeat(15)}`]) {
      const certificate = { uri: 'spiffe://herd/cluster/eu-1', serial, expiresAtMs: nowMs + 1000 };
      expect(authenticate(certificate, federation, stateWith(), nowMs).ok).toBe(false);
    }
  });
});

describe('parseSpiffeId', () => {
  it('reads back every identity', () => {
    for (const identity of [
      { kind: 'cluster', federation, cluster: eu },
      { kind: 'operator', federation, name: 'ada.lovelace', role: 'admin' },
      { kind: 'coordinator', federation },
    ] as const) {
      expect(parseSpiffeId(spiffeId(identity))).toEqual(identity);
    }
  });

  it('reads nothing that is not exactly what it writes', () => {
    const pieces = fc.constantFrom(
      'spiffe://',
      'herd',
      '/',
      'cluster',
      'operator',
      'admin',
      'eu-1',
      '..',
      '%2f',
      ', URI:',
      ' ',
      '\n',
      'É',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
        const text = parts.join('');
        const identity = parseSpiffeId(text);
        if (identity !== undefined) expect(spiffeId(identity)).toBe(text);
      }),
      { numRuns: 10_000 },
    );
  });
});
