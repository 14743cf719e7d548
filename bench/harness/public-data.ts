import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const beside = fileURLToPath(new URL('../../../shared/data', import.meta.url));

/**
 * A file of the public sets, which may not be shipped: in the folder that TESTUDO_PUBLIC_DATA names, or beside the checkout.
 * undefined: not there.
 */
export function publicData(...parts: readonly string[]): string | undefined {
  const path = join(process.env.TESTUDO_PUBLIC_DATA ?? beside, ...parts);
  return existsSync(path) ? path : undefined;
}
