import { readFileSync } from 'node:fs';

type Package = Readonly<{ version?: unknown; build?: unknown }>;

/** The package's version, as people number it: two builds may have one. */
export function packageVersion(): string {
  const { version } = readPackage();
  return typeof version === 'string' ? version : 'unknown';
}

/**
 * What the journal, a client's hello, releases and `testudo --version` call this build: the version, and the digest of what was built
 * (`tools/packaging/manifests.ts`), so that no two builds that differ have one name. "+unbuilt": sources of a checkout, which
 * anybody may have changed since they were started.
 */
export function buildVersion(): string {
  const { build } = readPackage();
  return `${packageVersion()}+${typeof build === 'string' ? build : 'unbuilt'}`;
}

let read: Package | undefined;

function readPackage(): Package {
  if (read !== undefined) return read;
  for (const folder of ['..', '../..']) {
    try {
      read = JSON.parse(readFileSync(new URL(`${folder}/package.json`, import.meta.url), 'utf8')) as Package;
      return read;
    } catch {
      // A built package lies one folder deeper.
    }
  }
  return {};
}
