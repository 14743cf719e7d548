import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

export type Asset = Readonly<{
  type: string;
  body: Buffer;
  etag: string;
  /** Its name holds a digest of what is in it: it never changes. */
  immutable: boolean;
}>;

/** By path, from `/`. */
export type Assets = ReadonlyMap<string, Asset>;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The page that every address of the dashboard begins with. */
export const startPage = '/index.html';

/** What `npm run build` made of dashboard/, held in memory; undefined where it was not built. */
export function readAssets(folder: string): Assets | undefined {
  const assets = new Map<string, Asset>();
  for (const name of filesBelow(folder, '')) {
    const type = types[extname(name)];
    if (type === undefined) continue; // Notes of the build are nobody's to read.
    const body = readFileSync(join(folder, name));
    const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
    assets.set(`/${name}`, { type, body, etag: `"${digest}"`, immutable: name.startsWith('assets/') });
  }
  return assets.has(startPage) ? assets : undefined;
}

function filesBelow(folder: string, below: string): string[] {
  try {
    return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
      const name = below === '' ? entry.name : `${below}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(folder, name) : [name];
    });
  } catch {
    return [];
  }
}
