import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeReader } from '../describe-reader.ts';
import { sourcesPage } from '../sources-page.ts';
import { readerTables } from './all.ts';

for (const table of readerTables) describeReader(table);

describe('docs/sources.md', () => {
  it('is what `npm run docs:sources` makes of these tables', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/sources.md'), 'utf8');
    expect(page).toBe(sourcesPage(readerTables));
  });
});
