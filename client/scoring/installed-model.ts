import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import { type Digest, isDigest } from '../../proto/ids.ts';
import { checkSpec, type ModelSpec } from '../../proto/model-spec.ts';

/** The model that scores, remembered so that a restart scores at once: detectors never go dark. */
export type InstalledModel = Readonly<{ version: number; digest: Digest; spec: ModelSpec }>;

const stored = z.strictObject({
  version: z.int().nonnegative(),
  digest: z.custom<Digest>(isDigest),
  spec: z.custom<ModelSpec>((value) => checkSpec(value).ok),
});

export async function rememberModel(dataDir: string, { version, digest, spec }: InstalledModel): Promise<void> {
  await writeFileAtomic(join(dataDir, 'installed-model.json'), JSON.stringify({ version, digest, spec }));
}

/** Nothing before the first model, and nothing where the file cannot be read: the next round brings one. */
export async function rememberedModel(dataDir: string): Promise<InstalledModel | undefined> {
  try {
    return stored.parse(JSON.parse(await readFile(join(dataDir, 'installed-model.json'), 'utf8')));
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}
