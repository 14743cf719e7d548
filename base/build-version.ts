import { readFileSync } from 'node:fs';

/** The package's version: what the journal, a client's hello and `testudo --version` call this build. */
export function buildVersion(): string {
  for (const folder of ['..', '../..']) {
    try {
      const text = readFileSync(new URL(`${folder}/package.json`, import.meta.url), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // A built package lies one folder deeper.
    }
  }
  return 'unknown';
}
