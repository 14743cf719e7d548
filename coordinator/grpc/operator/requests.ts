import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { Page } from '../../../proto/generated/testudo/v1/common.ts';

type Invalid = Result<never, 'REQUEST_INVALID'>;

export function invalid(message: string): Invalid {
  return refuse('REQUEST_INVALID', message);
}

/** The reason that every change carries into the journal. */
export function checkReason(reason: string): Invalid | undefined {
  if (reason.length >= 1 && reason.length <= 500 && reason.isWellFormed()) return undefined;
  return invalid(`reason: expected 1 to 500 characters, got ${reason.length}; say why, it goes into the audit log`);
}

/** A text that must be an id of its kind. */
export function checkId<Id extends string>(
  name: string,
  text: string,
  is: (text: unknown) => text is Id,
): Result<Id, 'REQUEST_INVALID'> {
  return is(text) ? ok(text) : invalid(`${name}: not a legal id`);
}

const pageSizeDefault = 100;
const pageSizeMax = 500;

/**
 * One page of rows in the order of their keys (which must differ): those after the token's key. A page stays right when
 * rows come and go between calls, since the token is a key and not a position.
 */
export function pageOf<Row>(
  rows: readonly Row[],
  page: Page | undefined,
  keyOf: (row: Row) => string,
): Result<Readonly<{ rows: readonly Row[]; nextPage: string }>, 'REQUEST_INVALID'> {
  const size = page?.size || pageSizeDefault;
  if (size > pageSizeMax) return invalid(`page.size: at most ${pageSizeMax}, got ${size}`);
  const token = page?.token ?? '';
  if (token.length > 256) return invalid('page.token: at most 256 bytes');
  const after = token === '' ? -1 : rows.findIndex((row) => keyOf(row) === token);
  if (token !== '' && after < 0) return invalid('page.token: the row it names is gone; start from the first page');
  const shown = rows.slice(after + 1, after + 1 + size);
  const last = shown.at(-1);
  const more = last !== undefined && after + 1 + size < rows.length;
  return ok({ rows: shown, nextPage: more ? keyOf(last) : '' });
}

export function ms(time: number | null | undefined): bigint {
  return BigInt(time ?? 0);
}
