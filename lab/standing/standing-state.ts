import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';

/** What a newer build wrote beside these is passed over, and stays in the file. */
const member = z.looseObject({ name: z.string(), pid: z.int().positive(), mark: z.string() });
const addresses = z.looseObject({
  enrolment: z.string(),
  federation: z.string(),
  health: z.string(),
  dashboard: z.exactOptional(z.string()),
});
const state = z.looseObject({
  version: z.literal(1),
  federation: z.string(),
  /** What each cluster reads: its sources as they stand in its client's configuration. */
  clusters: z.array(z.looseObject({ name: z.string(), sources: z.array(z.unknown()), ends: z.boolean() })),
  /** Where the coordinator listens, or did last; null before its first start, and while one that was started is not ready. */
  addresses: addresses.nullable(),
  processes: z.array(member),
});

/** What is remembered of a federation on this machine, between `testudo up` and `testudo down`. */
export type StandingState = z.infer<typeof state>;

export const coordinatorName = 'coordinator';

export const placesIn = (folder: string) => ({
  state: join(folder, 'up.json'),
  coordinator: join(folder, 'coordinator'),
  config: join(folder, 'coordinator', 'coordinator.yaml'),
  credentials: join(folder, 'coordinator', 'operator.json'),
  logOf: (name: string) => join(folder, `${name}.log`),
  cluster: (name: string) => join(folder, 'clusters', name),
});

/** undefined where nothing was ever up in this folder. */
export async function readState(folder: string): Promise<Result<StandingState | undefined, 'STATE_UNREADABLE'>> {
  const path = placesIn(folder).state;
  try {
    return ok(state.parse(JSON.parse(await readFile(path, 'utf8'))));
  } catch (error) {
    if (isMissing(error)) return ok(undefined);
    return refuse(
      'STATE_UNREADABLE',
      `${path} is not what \`testudo up\` writes: end its processes by hand, move it aside`,
    );
  }
}

export async function writeState(folder: string, next: StandingState): Promise<void> {
  await writeFileAtomic(placesIn(folder).state, `${JSON.stringify(next, null, 2)}\n`);
}
