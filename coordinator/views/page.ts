import { ok, type Result } from '../../base/fault.ts';
import { invalid } from './request.ts';

const sizeDefault = 100;
const sizeMax = 500;
const tokenBytesMax = 256;

/** `size` 0: as many as are usual. `token`: where the page before said that it ended; empty for the first. */
export type PageRequest = Readonly<{ size: number; token: string }>;
export type Page<Row> = Readonly<{ rows: readonly Row[]; nextPage: string }>;

/**
 * One page of rows in the order of their keys (which must differ): those after the token's key. A page stays right when
 * rows come and go between calls, since the token is a key and not a position.
 */
export function pageOf<Row>(
  rows: readonly Row[],
  page: PageRequest | undefined,
  keyOf: (row: Row) => string,
): Result<Page<Row>, 'REQUEST_INVALID'> {
  const size = page?.size || sizeDefault;
  if (size > sizeMax) return invalid(`page.size: at most ${sizeMax}, got ${size}`);
  const token = page?.token ?? '';
  if (token.length > tokenBytesMax) return invalid(`page.token: at most ${tokenBytesMax} bytes`);
  const after = token === '' ? -1 : rows.findIndex((row) => keyOf(row) === token);
  if (token !== '' && after < 0) return invalid('page.token: the row it names is gone; start from the first page');
  const shown = rows.slice(after + 1, after + 1 + size);
  const last = shown.at(-1);
  const more = last !== undefined && after + 1 + size < rows.length;
  return ok({ rows: shown, nextPage: more ? keyOf(last) : '' });
}
