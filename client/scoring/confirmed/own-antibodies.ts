import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, writeFileAtomic } from '../../../base/atomic-file.ts';
import { type Antibody, antibodyBytes } from '../../../proto/antibody.ts';
import type { ClusterId, FederationId, TrackId } from '../../../proto/ids.ts';
import { distinctAntigens } from '../../antibodies/distinct-antigens.ts';
import { makeAntibody } from '../../antibodies/make-antibody.ts';
import type { LocalTrack } from '../../learning/local-track.ts';
import type { AlertStore } from '../alert-store.ts';
import { confirmedFamilies } from '../feedback.ts';

const dayMs = 24 * 3_600_000;
/** An antibody that nobody renews is forgotten after half a year. */
const lifetimeMs = 180 * dayMs;

export type OwnAntibodiesParts = Readonly<{
  dataDirectory: string;
  track: LocalTrack;
  alerts: Pick<AlertStore, 'example'>;
  /** Who this cluster is; undefined before it has enrolled. */
  identity(): Readonly<{ federation: FederationId; cluster: ClusterId }> | undefined;
  now(): number;
}>;

/** What became of one family's confirmed alerts. */
export type MadeAntibody = Readonly<{ family: string; alerts: number; path: string; antibody: Antibody | undefined }>;

/**
 * The antibodies that a client makes of alerts which its operator confirmed and named: one file a family, against what is
 * normal here, for an operator to look at and to put in force (`testudo antibodies put`). Made anew with every word on an
 * alert, and removed once no alert of the family stands confirmed. Nothing of it leaves this machine by itself.
 */
export async function makeOwnAntibodies(parts: OwnAntibodiesParts): Promise<readonly MadeAntibody[]> {
  const { dataDirectory, track, alerts, now } = parts;
  const identity = parts.identity();
  const { id, kind, buffer } = track;
  const { antigens } = kind;
  if (antigens === undefined || identity === undefined) return [];
  const { federation, cluster } = identity;
  const families = await confirmedFamilies(dataDirectory, id);
  const folder = antibodyFolder(dataDirectory, id);
  const removed = await removeOthers(folder, families);
  const made: MadeAntibody[] = removed.map((family) => ({ ...nothing, family, path: join(folder, `${family}.json`) }));
  if (families.size === 0) return made;
  const antigensOf = (examples: readonly unknown[]) => distinctAntigens(examples.map((one) => antigens(one, 0)));
  const normal = antigensOf(buffer.read(['reservoir', 'recent', 'hard']).examples);
  for (const [family, ids] of families) {
    const examples = await Promise.all(ids.map((alert) => alerts.example(alert)));
    const confirmed = examples.flatMap((example) => (example.ok ? [example.value] : []));
    const madeAtMs = now();
    // Field by field: whoever says who this cluster is may hold its keys beside it.
    const head = { federation, cluster, track: id, family, madeAtMs, expiresAtMs: madeAtMs + lifetimeMs };
    const antibody = confirmed.length === 0 ? undefined : makeAntibody(head, antigensOf(confirmed), normal);
    const path = join(folder, `${family}.json`);
    if (antibody === undefined) await rm(path, { force: true });
    else await writeFileAtomic(path, antibodyBytes(antibody));
    made.push({ family, alerts: confirmed.length, path, antibody });
  }
  return made;
}

/** What stands confirmed of a family that no alert has any more. */
const nothing = { alerts: 0, antibody: undefined };

/** Where a client keeps the antibodies of a track that it has made itself. */
function antibodyFolder(dataDirectory: string, track: TrackId): string {
  return join(dataDirectory, 'antibodies', track);
}

/** Which families' antibodies are gone with it. */
async function removeOthers(folder: string, families: ReadonlyMap<string, unknown>): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const others = names.filter((name) => !families.has(familyOf(name)));
  for (const name of others) await rm(join(folder, name), { force: true });
  return others.map(familyOf);
}

const familyOf = (name: string) => name.replace(/\.json$/, '');
