import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { pageOf } from './page.ts';

describe('pageOf', () => {
  it('walks every row once, whatever the size of a page', () => {
    const rows = Array.from({ length: 11 }, (_, index) => `row-${index}`);
    for (const size of [1, 3, 11, 12]) {
      const seen: string[] = [];
      for (let token = ''; ; ) {
        const paged = unwrap(pageOf(rows, { size, token }, (row) => row));
        seen.push(...paged.rows);
        token = paged.nextPage;
        if (token === '') break;
      }
      expect(seen).toEqual(rows);
    }
    expect(pageOf(rows, { size: 2, token: 'gone' }, (row) => row).ok).toBe(false);
    expect(pageOf(rows, { size: 501, token: '' }, (row) => row).ok).toBe(false);
  });
});
