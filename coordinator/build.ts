import { readFileSync } from 'node:fs';

/** The package's version. */
export function version(): string {
  for (const folder of ['..', '../..']) {
    try {
      const text = readFileSync(new URL(`${folder}/package.json`, import.meta.url), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // Built packages lie one folder deeper.
    }
  }
  return 'unknown';
}
