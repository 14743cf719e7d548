import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** A test by its file and by what its name begins with; where it is tried on many cases, the one that is meant, by its name. */
export type NamedTest = readonly [file: string, name: string, oneCase?: string];

/** `what`: of whom it is said that these hold it. Fails for a test, or a case of one, that is not there. */
export function expectNamed(what: string, held: readonly NamedTest[]): void {
  expect(held.length, what).toBeGreaterThan(0);
  for (const [file, name, oneCase] of held) {
    const text = readFileSync(`${repository}${file}`, 'utf8');
    const names = [...text.matchAll(/\b(?:it|test)\(\s*(['"])(.*?)\1,|\)\(\s*(['"])(.*?)\3,/gs)].map(
      ([, , plain, , each]) => plain ?? each ?? '',
    );
    const begins = new RegExp(`^${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);
    expect(names, what).toContainEqual(expect.stringMatching(begins));
    // A name with a place for its case holds nothing by itself: any other case would keep the row of the table.
    if (name.includes('%s')) expect(oneCase, `${what}: which case of ${name}`).toBeDefined();
    if (oneCase !== undefined)
      expect(text.includes(`'${oneCase}'`) || text.includes(`"${oneCase}"`), `${what}: the case ${oneCase}`).toBe(true);
  }
}
