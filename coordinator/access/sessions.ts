import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs, Timer, Timers } from '../../base/time.ts';
import type { Credential } from '../members/authenticate.ts';

/** A person at the dashboard: who they are is what their certificate says, or what stands in its place, looked at anew with every request. */
export type Session = Readonly<{
  certificate: Credential;
  /** What every change must show beside the cookie: another site cannot read it. */
  csrf: string;
  expiresAtMs: EpochMs;
  /** Aborts when the session ends, by its time or by its holder. */
  ended: AbortSignal;
}>;

export type Link = Readonly<{ url: string; expiresAtMs: EpochMs }>;

const linkMs = 120_000;
/** Far more than people there are; the oldest gives way. */
const linksMax = 256;
const sessionsMax = 512;

type Open = Readonly<{ session: Session; end: AbortController; timer: Timer }>;

/**
 * How an operator's certificate becomes a session of a browser: over mTLS it asks for a link, which opens one session,
 * once, within two minutes. In memory alone: a restart ends all of them. Secrets are kept as digests.
 */
export class Sessions {
  readonly #timers: Timers;
  readonly #sessionMs: number;
  readonly #links = new Map<string, Readonly<{ certificate: Credential; expiresAtMs: EpochMs }>>();
  readonly #open = new Map<string, Open>();
  #address: string | undefined;

  /** `sessionMs`: how long one lasts, used or not; never longer than its certificate. */
  constructor(timers: Timers, sessionMs: number) {
    this.#timers = timers;
    this.#sessionMs = sessionMs;
  }

  /** Where the dashboard is, once it is open; undefined takes it back. */
  serveAt(address: string | undefined): void {
    this.#address = address;
  }

  /** A link for the holder of this certificate alone. Its secret stands behind `#`, which no browser sends anywhere. */
  link(certificate: Credential): Result<Link, 'DASHBOARD_OFF'> {
    if (this.#address === undefined) {
      return refuse('DASHBOARD_OFF', 'this coordinator serves no dashboard: set listen.dashboard, then restart it');
    }
    const expiresAtMs = this.#timers.now() + linkMs;
    const secret = newSecret();
    makeRoom(this.#links, linksMax);
    this.#links.set(digest(secret), { certificate, expiresAtMs });
    return ok({ url: `${this.#address}/login#${secret}`, expiresAtMs });
  }

  /** Opens the session that a link stands for: its cookie's secret, and the session. The link is spent. */
  open(secret: string): Result<Readonly<{ cookie: string; session: Session }>, 'LINK_INVALID'> {
    const key = digest(secret);
    const link = this.#links.get(key);
    this.#links.delete(key);
    const nowMs = this.#timers.now();
    if (link === undefined || link.expiresAtMs <= nowMs) {
      return refuse(
        'LINK_INVALID',
        'the link was used, or is older than two minutes: `testudo dashboard` gives another',
      );
    }
    return ok(this.begin(link.certificate));
  }

  /** A session for whoever has shown who they are: its cookie's secret, and the session. */
  begin(certificate: Credential): Readonly<{ cookie: string; session: Session }> {
    const nowMs = this.#timers.now();
    const end = new AbortController();
    const expiresAtMs = Math.min(nowMs + this.#sessionMs, certificate.expiresAtMs);
    const cookie = newSecret();
    const session: Session = { certificate, csrf: newSecret(), expiresAtMs, ended: end.signal };
    for (const oldest of makeRoom(this.#open, sessionsMax)) this.#end(oldest);
    const timer = this.#timers.after(expiresAtMs - nowMs, () => this.end(cookie), { background: true });
    this.#open.set(digest(cookie), { session, end, timer });
    return { cookie, session };
  }

  /** The session whose cookie this is, unless it has ended. */
  find(cookie: string): Session | undefined {
    const session = this.#open.get(digest(cookie))?.session;
    return session !== undefined && session.expiresAtMs > this.#timers.now() ? session : undefined;
  }

  end(cookie: string): void {
    const key = digest(cookie);
    const open = this.#open.get(key);
    this.#open.delete(key);
    if (open !== undefined) this.#end(open);
  }

  close(): void {
    for (const open of this.#open.values()) this.#end(open);
    this.#open.clear();
    this.#links.clear();
    this.#address = undefined;
  }

  #end({ end, timer }: Open): void {
    this.#timers.cancel(timer);
    end.abort();
  }
}

/** Whether a request shows the session's own token; how long that takes says nothing of it. */
export function showsToken({ csrf }: Session, shown: string): boolean {
  const [expected, given] = [Buffer.from(csrf), Buffer.from(shown)];
  return expected.length === given.length && timingSafeEqual(expected, given);
}

function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}

/** Takes the oldest away until one more has room. */
function makeRoom<Value>(map: Map<string, Value>, max: number): Value[] {
  const gone: Value[] = [];
  for (const [key, value] of map) {
    if (map.size < max) break;
    map.delete(key);
    gone.push(value);
  }
  return gone;
}
