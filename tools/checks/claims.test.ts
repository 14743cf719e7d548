import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';

/** Pages whose claims about safety name the tests that show them. */
const pages = ['docs/threat-model.md', 'docs/architecture.md', 'docs/releases.md'];
/** Less than this, and the check did not read what it should. */
const rowsMin = 40;

const testName = /`([\w./-]+\.test\.ts)`/g;

function textOf(page: string): string {
  return readFileSync(join(checkout, page), 'utf8');
}

function testsIn(text: string): readonly string[] {
  return [...text.matchAll(testName)].map(([, name]) => name as string);
}

/** Rows of the tables of a page, without heads and rules. */
function rowsOf(text: string): readonly string[] {
  const lines = text.split('\n');
  const isRule = (line: string | undefined) => /^\|[\s|:-]+\|$/.test(line ?? '');
  return lines.filter((line, at) => line.startsWith('|') && !isRule(line) && !isRule(lines[at + 1]));
}

describe('the pages on what holds', () => {
  it.each(pages)('name only tests that are there, by their whole path: %s', (page) => {
    const named = testsIn(textOf(page));
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((name) => !existsSync(join(checkout, name)))).toEqual([]);
  });

  it('name a test in every row of the threat model', () => {
    const rows = rowsOf(textOf('docs/threat-model.md'));
    expect(rows.length).toBeGreaterThanOrEqual(rowsMin);
    expect(rows.filter((row) => testsIn(row).length === 0)).toEqual([]);
  });

  it('name a test for each of the ten things that always hold', () => {
    const rows = rowsOf(textOf('docs/architecture.md')).filter((row) => /^\| I\d/.test(row));
    expect(rows.flatMap((row) => row.match(/^\| ([^|]+) \|/)?.[1]?.split(', '))).toEqual(
      Array.from({ length: 10 }, (_, at) => `I${at + 1}`),
    );
    expect(rows.filter((row) => testsIn(row).length === 0)).toEqual([]);
  });
});
