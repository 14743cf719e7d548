import { fileURLToPath } from 'node:url';
import { dashboard } from './dashboard.ts';
import { rules } from './rules.ts';

/** Absolute paths, and what must stand in them. */
export function generated(): [path: string, text: string][] {
  const texts = { 'dashboard.json': dashboard(), 'rules.json': rules() };
  return Object.entries(texts).flatMap(([name, value]) =>
    ['./', '../chart/testudo/files/'].map((folder): [string, string] => [
      fileURLToPath(new URL(`${folder}${name}`, import.meta.url)),
      `${JSON.stringify(value, null, 2)}\n`,
    ]),
  );
}
