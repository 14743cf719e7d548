import { describe, expect, it } from 'vitest';
import { statusOf } from '../../coordinator/grpc/status.ts';
import { verdictFor, verdictOfServed } from './verdict.ts';

/** Refusals of calls that a cluster's client never makes, or makes before it has an update. */
const notForUpdates = new Set([
  'CERTIFICATE_REQUEST_INVALID',
  'POLICY_INVALID',
  'SPEC_INVALID',
  'SPEC_TOO_LARGE',
  'TOKEN_UNKNOWN',
  'TOKEN_USED',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
  'OPERATOR_UNKNOWN',
  'OPERATOR_REMOVED',
  'ROLE_INSUFFICIENT',
  'ROUND_OPEN',
  'ROUNDS_EXHAUSTED',
  'FROZEN',
  'LAST_ADMIN',
  'TRACK_EXISTS',
  // Of releases and of what operators ask for: no update is refused with them.
  'FREEZE_INVALID',
  'REPORT_INVALID',
  'REASON_INVALID',
  'CHANNEL_INVALID',
  'PINS_INVALID',
  'ROOT_INVALID',
  'IMPORT_INVALID',
  'FREEZE_NOT_FOUND',
  'VERSION_NOT_FOUND',
  'CHANNEL_NOT_FOUND',
  'ROUND_WITHOUT_CANDIDATE',
  'INPUTS_NOT_KEPT',
  'AGGREGATION_REFUSED',
  'ROUND_KEY_LOST',
  'VERSION_RETIRED',
  'VERSION_REVOKED',
  'VERSION_NOT_NEWER',
  'BELOW_FLOOR',
  'CHANNEL_RESERVED',
  'CHANNEL_ASSIGNED',
  'CHANNELS_EXHAUSTED',
  'ASSIGNMENTS_EXHAUSTED',
  'NOTHING_TO_CHANGE',
  'GATE_NOT_OPEN',
  'GATE_NOT_PASSED',
  'APPROVAL_REPEATED',
  'PIN_ILLEGAL',
  'PINS_UNSIGNED',
  'PINS_STALE',
  'ROOT_ABSENT',
  'ROOT_KEY_UNKNOWN',
  'RELEASE_KEY_ABSENT',
  'RELEASE_INCOMPLETE',
  'IMPORT_UNTRUSTED',
  'IMPORT_CONFLICT',
  'IMPORT_OUT_OF_TURN',
  'REPLAY_BUSY',
  'WORKER_LOST',
  'BLOB_UNREADABLE',
]);

describe('verdicts', () => {
  it('exist for every refusal that the coordinator can send about an update', () => {
    const codes = Object.keys(statusOf).filter((code) => !notForUpdates.has(code));
    expect(codes.length).toBeGreaterThan(40);
    expect(codes.filter((code) => verdictOfServed[code] === undefined)).toEqual([]);
  });

  it('follow the gRPC status where the code is of a newer build, and give up on what nobody knows', () => {
    const of = (code: string, status?: string) =>
      verdictFor({ code, message: '', ...(status === undefined ? {} : { fields: { status } }) });
    expect(of('NEWER_CODE', 'UNAVAILABLE')).toBe('retry');
    expect(of('NEWER_CODE', 'ABORTED')).toBe('trainAgain');
    expect(of('NEWER_CODE', 'PERMISSION_DENIED')).toBe('giveUp');
    expect(of('NEWER_CODE')).toBe('giveUp');
    // The code knows better than the status that carries it.
    expect(of('OFFSET_MISMATCH', 'ABORTED')).toBe('retry');
  });
});
