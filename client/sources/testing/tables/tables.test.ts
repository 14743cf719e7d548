import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { clientConfigJsonSchema } from '../../../config.ts';
import { describeReader } from '../describe-reader.ts';
import { sourceSettings } from '../source-settings.ts';
import { sourcesPage } from '../sources-page.ts';
import { readerTables } from './all.ts';

for (const table of readerTables) describeReader(table);

describe('docs/sources.md', () => {
  it('is what `npm run docs:sources` makes of these tables', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/sources.md'), 'utf8');
    expect(page).toBe(sourcesPage(readerTables));
  });

  it('says of every setting of every kind of source what it is, as the schema for editors does, and names every kind', () => {
    const settings = sourceSettings();
    expect(settings.length).toBeGreaterThan(50);
    expect(settings.filter(({ about }) => about === '')).toEqual([]);
    expect(settings).toContainEqual(expect.objectContaining({ kind: 'flowLog', path: 'addresses[].network' }));
    const text = JSON.stringify(clientConfigJsonSchema());
    for (const { about } of settings)
      expect(text).toContain(JSON.stringify(about.replace(/ \(`.*`\)$/, '')).slice(1, -1));
    const behaviour = readFileSync(join(import.meta.dirname, '../../../../docs/client.md'), 'utf8');
    for (const { kind } of settings) expect(behaviour).toContain(`| \`${kind}\` |`);
  });
});
