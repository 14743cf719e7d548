import type { FaultShape } from '../../coordinator/web/shapes.ts';

/** What the coordinator answered: what was asked for, or why not. */
export type Answered<Value> = Readonly<{ ok: true; value: Value } | { ok: false; fault: FaultShape }>;

/** What every change shows beside the cookie; known once somebody is logged in. */
let token = '';
/** Told when the coordinator no longer knows us. */
let onSessionOver = () => {};

export function setToken(next: string): void {
  token = next;
}

export function whenSessionOver(act: () => void): void {
  onSessionOver = act;
}

export function get<Value>(path: string): Promise<Answered<Value>> {
  return ask(path, { method: 'GET' });
}

export function post<Value>(path: string, body: object): Promise<Answered<Value>> {
  const headers = { 'content-type': 'application/json', 'x-testudo-token': token };
  return ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** A path below /api/, each word of it as it is. */
export function apiPath(...words: readonly string[]): string {
  return `/api/${words.map(encodeURIComponent).join('/')}`;
}

async function ask<Value>(path: string, init: RequestInit): Promise<Answered<Value>> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: 'same-origin', cache: 'no-store' });
  } catch {
    return { ok: false, fault: { code: 'UNREACHABLE', message: 'the coordinator does not answer' } };
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok && body !== undefined) return { ok: true, value: body as Value };
  const told = response.ok ? 'the answer broke off' : `the answer was ${response.status}`;
  const fault = (body ?? { code: 'UNREACHABLE', message: told }) as FaultShape;
  if (response.status === 401) onSessionOver();
  return { ok: false, fault };
}
