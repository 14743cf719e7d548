import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';
import {
  builtIntoPages,
  isAllowed,
  licenceProblems,
  licenceTexts,
  shippedOf,
  thirdPartyPage,
  withoutText,
} from './licences.ts';

const shipped = shippedOf(readFileSync(join(checkout, 'package-lock.json'), 'utf8'));

describe('what is shipped of others', () => {
  it('is under licences of the list alone, each named', () => {
    expect(shipped.length).toBeGreaterThan(300);
    expect(licenceProblems(shipped)).toEqual([]);
  });

  it('is refused under another licence, and under none', () => {
    const lock = (license: string | undefined, more = {}) =>
      JSON.stringify({ packages: { '': {}, 'node_modules/a/node_modules/b': { version: '1.0.0', license, ...more } } });
    expect(licenceProblems(shippedOf(lock('GPL-3.0')))).toEqual([
      'b 1.0.0 is under GPL-3.0, which is none of those that we ship',
    ]);
    expect(licenceProblems(shippedOf(lock(undefined)))).toEqual([
      'b 1.0.0 names no licence: ask its authors, or do without it',
    ]);
    expect(shippedOf(lock('GPL-3.0', { dev: true }))).toEqual([]);
  });

  it.each([
    ['MIT', true],
    ['(MIT OR GPL-3.0)', true],
    ['MIT AND GPL-3.0', false],
    ['Apache-2.0 AND (GPL-2.0 OR BSD-3-Clause)', true],
    ['SEE LICENSE IN x', false],
    ['(MIT', false],
    ['', false],
  ])('may be under "%s": %s', (expression, may) => expect(isAllowed(expression)).toBe(may));

  it('holds the text of its licence, or is named as one that holds none', () => {
    const installed = shipped.map((one) => [one.name, licenceTexts(checkout, one)] as const);
    const bare = installed.filter(([, texts]) => texts?.length === 0).map(([name]) => name);
    expect(bare.filter((name) => !withoutText.has(name))).toEqual([]);
    expect(installed.filter(([name, texts]) => withoutText.has(name) && (texts?.length ?? 0) > 0)).toEqual([]);
  });

  it('names every package whose code the pages hold', () => {
    const sources = globSync('dashboard/**/*.tsx', { cwd: checkout }).map((path) =>
      readFileSync(join(checkout, path), 'utf8'),
    );
    const imported = sources.flatMap((code) => [...code.matchAll(/ from '([^.'][^'/]*)/g)].map(([, name]) => name));
    expect([...new Set(imported)].sort()).toEqual([...builtIntoPages]);
  });

  it('is what THIRD_PARTY.md says', () => {
    expect(readFileSync(join(checkout, 'THIRD_PARTY.md'), 'utf8')).toBe(thirdPartyPage(checkout));
  });
});
