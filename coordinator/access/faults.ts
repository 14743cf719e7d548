import type { AuthenticationFaultCode } from '../members/authenticate.ts';

/** Refusals that arise before a call is served, or while it is cut. */
export type AccessFaultCode =
  | 'ROLE_INSUFFICIENT'
  | 'RATE_LIMITED'
  | 'CALL_TOO_LONG'
  | 'MESSAGE_TOO_LARGE'
  | 'CALL_CANCELLED'
  | 'DRAINING'
  /** Of a door alone. */
  | 'LEADER_AWAY'
  | 'INTERNAL';

/** Why a call ends that was let in: its own end, or its caller would not be let in now. */
export type CutFaultCode = AccessFaultCode | AuthenticationFaultCode;
