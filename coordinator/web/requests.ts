import type { IncomingMessage } from 'node:http';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { WebFaultCode } from './faults.ts';

/** Where browsers reach us, and what follows from it. */
export type Site = Readonly<{
  /** Set where `dashboard.url` says it; else whatever host the browser names, if it is one of `hosts`. */
  origin: string | undefined;
  secure: boolean;
  /** Names without ports. */
  hosts: ReadonlySet<string>;
  /** Of the session: of its own for each federation, since cookies of one host are shared by all of its ports. */
  cookie: string;
}>;

const bodyBytesMax = 64 << 10;

/** The origin that this request came to; refused where it names a host that is not ours (a name that was pointed at us). */
export function originOf({ headers }: IncomingMessage, site: Site): Result<string, WebFaultCode> {
  if (site.origin !== undefined) return ok(site.origin);
  const { host = '' } = headers;
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (site.hosts.has(name)) return ok(`${site.secure ? 'https' : 'http'}://${host}`);
  return refuse('HOST_FOREIGN', 'the request names another host: set dashboard.url, or name it in serverNames');
}

/** Why a change that this request asks for cannot have come from one of our own pages, if so. */
export function crossSite({ headers }: IncomingMessage, origin: string): string | undefined {
  const { origin: from, 'sec-fetch-site': site } = headers;
  if (from !== origin) return `it came from ${from === undefined ? 'no page' : 'a page of another origin'}`;
  if (site !== undefined && site !== 'same-origin') return 'the browser says that it came from another site';
  const type = headers['content-type'] ?? '';
  // What a form of another site could send is not taken in the first place.
  return /^application\/json\b/.test(type) ? undefined : 'its body is not JSON';
}

export function cookieOf({ headers }: IncomingMessage, { cookie: name }: Site): string | undefined {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === name) return value;
  }
  return undefined;
}

export function cookieHeader({ cookie, secure }: Site, value: string, maxAgeSeconds: number): string {
  const strict = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}`;
  return `${cookie}=${value}; ${strict}${secure ? '; Secure' : ''}`;
}

/** The request's body as JSON. */
export async function readJson(
  request: IncomingMessage,
): Promise<Result<unknown, 'REQUEST_INVALID' | 'MESSAGE_TOO_LARGE'>> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.byteLength;
    if (bytes > bodyBytesMax) return refuse('MESSAGE_TOO_LARGE', `a request holds at most ${bodyBytesMax} bytes`);
    parts.push(part);
  }
  try {
    return ok(JSON.parse(Buffer.concat(parts).toString('utf8')));
  } catch {
    return refuse('REQUEST_INVALID', 'the body is not JSON');
  }
}
