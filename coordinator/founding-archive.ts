import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { writeFileAtomic } from '../base/atomic-file.ts';
import { ok, type Result, refuse } from '../base/fault.ts';
import { backUp } from './backup.ts';
import { journalFile } from './ledger/journal/read-beside.ts';

/** A Kubernetes Secret holds 1 MiB at most, and base64 takes a third of it. */
const packedBytesMax = 640 << 10;
/** What is unpacked, against a packed text that was made to fill the memory. */
const unpackedBytesMax = 256 << 20;

const archive = z.strictObject({
  format: z.literal('testudo/founding/1'),
  /** Base64, by path below the data directory. */
  files: z.record(z.string().regex(/^(?:(?:blobs|keys|identity|transparency)\/)?[a-z0-9][a-z0-9.-]*$/), z.base64()),
});

export type FoundingFaultCode = 'FOUNDING_TOO_LARGE' | 'FOUNDING_INVALID' | 'FOUNDING_MISSING';

/**
 * A young data directory as one packed file, to be carried to where the coordinator will run. Its secrets are encrypted under the
 * master key, which is not in it. Safe beside a running coordinator; what happens after it is in no copy.
 */
export async function packFounding(dataDirectory: string): Promise<Result<Buffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-founding-'));
  try {
    const copied = await backUp(dataDirectory, folder);
    if (!copied.ok) return copied;
    const files: Record<string, string> = {};
    const paths = await readdir(folder, { recursive: true, withFileTypes: true });
    for (const entry of paths.filter((path) => path.isFile())) {
      const place = join(entry.parentPath, entry.name);
      files[place.slice(folder.length + 1)] = (await readFile(place)).toString('base64');
    }
    const packed = gzipSync(JSON.stringify({ format: 'testudo/founding/1', files }));
    if (packed.byteLength <= packedBytesMax) return ok(packed);
    const message = `${dataDirectory} packs to ${packed.byteLength} bytes, and a Secret has room for ${packedBytesMax}: pack it before the first round, or copy a backup into the volume`;
    return refuse('FOUNDING_TOO_LARGE', message);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Fills an empty data directory from a packed one. False where there is data already, which is left as it is. The journal
 * comes last: killed at any instant, the next call begins anew.
 */
export async function unpackFounding(dataDirectory: string, path: string): Promise<Result<boolean, FoundingFaultCode>> {
  if (existsSync(join(dataDirectory, journalFile))) return ok(false);
  const packed = await readFile(path).catch(() => undefined);
  if (packed === undefined) {
    const message = `${dataDirectory} holds no journal and ${path} cannot be read; \`testudo coordinator pack\` makes the Secret that holds it`;
    return refuse('FOUNDING_MISSING', message);
  }
  const parsed = archive.safeParse(unpacked(packed));
  if (!parsed.success || parsed.data.files[journalFile] === undefined) {
    return refuse('FOUNDING_INVALID', `${path} is not what \`testudo coordinator pack\` wrote: pack it again`);
  }
  const { [journalFile]: journal = '', ...others } = parsed.data.files;
  for (const [name, content] of [...Object.entries(others), [journalFile, journal] as const]) {
    await writeFileAtomic(join(dataDirectory, name), Buffer.from(content, 'base64'));
  }
  return ok(true);
}

function unpacked(packed: Buffer): unknown {
  try {
    return JSON.parse(gunzipSync(packed, { maxOutputLength: unpackedBytesMax }).toString('utf8'));
  } catch {
    return undefined;
  }
}
