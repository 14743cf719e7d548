/** Writes docs/sources.md from the tables that the readers' tests run. */
import { writeFileSync } from 'node:fs';
import { sourcesPage } from '../client/sources/testing/sources-page.ts';
import { readerTables } from '../client/sources/testing/tables/all.ts';

writeFileSync(new URL('../docs/sources.md', import.meta.url), sourcesPage(readerTables));
