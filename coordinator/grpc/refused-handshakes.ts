import type { TLSSocket } from 'node:tls';
import type { Log } from '../../base/log.ts';
import type { Timer, Timers } from '../../base/time.ts';

/** Why a TLS handshake came to nothing. The peer is told none of it: TLS has no words for it. */
export type HandshakeRefusal = keyof typeof sentences;

const sentences = {
  expired: "a peer's certificate has ended: a cluster comes back by itself, an operator needs a new one",
  notYetValid: "a peer's certificate is not valid yet: this machine's clock may be behind",
  unknownAuthority: "a peer's certificate is of another authority: another federation's, or none of ours",
  noCertificate: 'a peer showed no certificate at the port that wants one: enrolment has a port of its own',
  wrongProtocol: 'a peer spoke no TLS 1.3: too old, or something else that speaks',
  hungUp: 'a peer hung up before TLS had begun in earnest: a probe, a scanner, a broken line',
  other: 'a TLS handshake failed',
} as const;

const byVerification: Readonly<Record<string, HandshakeRefusal>> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'notYetValid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'unknownAuthority',
  SELF_SIGNED_CERT_IN_CHAIN: 'unknownAuthority',
  UNABLE_TO_GET_ISSUER_CERT: 'unknownAuthority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unknownAuthority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unknownAuthority',
  CERT_SIGNATURE_FAILURE: 'unknownAuthority',
  INVALID_PURPOSE: 'unknownAuthority',
};

/** Causes that OpenSSL finds itself, by the code of Node's error. */
const byError: readonly (readonly [RegExp, HandshakeRefusal])[] = [
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE/, 'noCertificate'],
  [/UNSUPPORTED_PROTOCOL|WRONG_VERSION_NUMBER|HTTP_REQUEST|PROTOCOL_VERSION|BAD_RECORD_TYPE/, 'wrongProtocol'],
  [/UNKNOWN_CA|BAD_CERTIFICATE/, 'unknownAuthority'],
  [/^(?:ECONNRESET|EPIPE|ERR_TLS_HANDSHAKE_TIMEOUT)$/, 'hungUp'],
];

/**
 * From `tlsClientError`: what OpenSSL said, or what became of the chain that it was shown. Node verifies the chain after the
 * handshake and hangs up, so the error itself says only that the line is gone.
 */
export function handshakeRefusal(
  { code = '' }: NodeJS.ErrnoException,
  { authorizationError }: Pick<TLSSocket, 'authorizationError'>,
): HandshakeRefusal {
  const verified = String(authorizationError ?? '');
  if (verified !== '') return byVerification[verified] ?? 'other';
  return byError.find(([pattern]) => pattern.test(code))?.[1] ?? 'other';
}

const windowMs = 60_000;
const linesPerWindow = 10;

type Window = { lines: number; unwritten: number; timer: Timer };
type LoggedRefusal = Readonly<{ listener: string; why: HandshakeRefusal; address: string; code: string }>;

/** Lines about refused handshakes: ten a minute of a listener and cause, then one that says how many more there were. */
export class HandshakeLog {
  readonly #log: Log;
  readonly #timers: Timers;
  readonly #windows = new Map<string, Window>();

  constructor(log: Log, timers: Timers) {
    this.#log = log;
    this.#timers = timers;
  }

  refused({ listener, why, address, code }: LoggedRefusal): void {
    // Whoever only knocks is counted by the metric alone: load balancers do so every few seconds.
    if (why === 'hungUp') return;
    const key = `${listener}/${why}`;
    const window = this.#windows.get(key) ?? this.#open(key, { listener, why });
    if (window.lines >= linesPerWindow) {
      window.unwritten += 1;
      return;
    }
    window.lines += 1;
    this.#log.warn({ listener, why, peer: address, code }, `handshake refused: ${sentences[why]}`);
  }

  #open(key: string, { listener, why }: Pick<LoggedRefusal, 'listener' | 'why'>): Window {
    const close = () => {
      this.#windows.delete(key);
      if (window.unwritten === 0) return;
      this.#log.warn({ listener, why, count: window.unwritten }, 'handshakes refused, summed up');
    };
    const timer = this.#timers.after(windowMs, close, { background: true });
    const window: Window = { lines: 0, unwritten: 0, timer };
    this.#windows.set(key, window);
    return window;
  }

  /** Says nothing more. */
  close(): void {
    for (const { timer } of this.#windows.values()) this.#timers.cancel(timer);
    this.#windows.clear();
  }
}
