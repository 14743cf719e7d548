import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildVersion, packageVersion } from '../../base/build-version.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { checkout } from '../setup/places.mjs';
import { nameBuild } from './manifests.ts';

type Files = Readonly<Record<string, string>>;

const files: Files = {
  'package.json': '{"name":"testudo","version":"3.1.4","dependencies":{"zod":"1.2.3"}}',
  'base/a.js': 'export const a = 1;',
  'base/deeper/b.js': 'export const b = 2;',
  'README.md': 'Prose.',
};

function built(over: Files = {}, order = (paths: string[]) => paths) {
  const dist = tempDir();
  const all = { ...files, ...over };
  for (const path of order(Object.keys(all))) {
    mkdirSync(join(dist, dirname(path)), { recursive: true });
    writeFileSync(join(dist, path), all[path] ?? '');
  }
  return { name: nameBuild(dist), manifest: JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) };
}

describe('the name of a build', () => {
  it('stands in package.json, and is the same of the same files wherever and in whatever order they were written', () => {
    const { name, manifest } = built();
    expect(name).toMatch(/^[0-9a-f]{12}$/);
    expect(manifest).toEqual({ name: 'testudo', version: '3.1.4', dependencies: { zod: '1.2.3' }, build: name });
    expect(built({}, (paths) => paths.toReversed()).name).toBe(name);
    expect(built({ 'README.md': 'Other prose.', 'CHANGELOG.md': 'News.' }).name).toBe(name);
  });

  it.each<[string, Files]>([
    ['other code', { 'base/a.js': 'export const a = 2;' }],
    ['a file more', { 'base/c.js': '' }],
    ['another dependency', { 'package.json': '{"name":"testudo","version":"3.1.4","dependencies":{"zod":"1.2.4"}}' }],
    ['another version', { 'package.json': '{"name":"testudo","version":"3.1.5","dependencies":{"zod":"1.2.3"}}' }],
  ])('is another with %s', (_, over) => {
    expect(built(over).name).not.toBe(built().name);
  });

  it('is told apart from sources that nobody built', () => {
    const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
    expect(packageVersion()).toBe(version);
    expect(buildVersion()).toBe(`${version}+unbuilt`);
  });
});
