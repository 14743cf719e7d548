import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing, makeFolder, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { seededRandom } from '../../base/random.ts';
import { readYaml } from '../../base/text/read-yaml.ts';
import type { Trace } from '../../client/events/trace.ts';
import { defaultKind } from '../../client/tracks/track-kinds.ts';
import { loadDataset } from '../data/dataset.ts';
import { defaultPartition, partitionTraces } from '../data/partition.ts';
import { recordedPath } from '../data/recorded-traces.ts';
import { writeTraces } from '../data/trace-writer.ts';
import { foundCoordinator, listenAnywhere } from '../rig/coordinator-process.ts';
import { placesIn, type StandingState, writeState } from './standing-state.ts';

/** What a cluster of somebody's own reads, as `sources` of a client's configuration. */
export type OwnCluster = Readonly<{ name: string; sources: readonly unknown[] }>;

export type Founding = Readonly<{
  folder: string;
  /** The `testudo` command's program. */
  testudo: string;
  federation: string;
  liars: number;
  /** How many clusters learn from recorded calls; or what clusters of one's own read, with their workload classes. */
  clusters: number | Readonly<{ own: readonly OwnCluster[]; classes: readonly string[] }>;
}>;

/**
 * A federation in a folder of its own, before its first start: a coordinator with the syscall track, and what each cluster
 * reads. The state is written last, so that a founding that was cut short begins again.
 */
export async function found(wanted: Founding): Promise<Result<StandingState>> {
  const { folder, testudo, federation, liars, clusters } = wanted;
  const places = placesIn(folder);
  makeFolder(folder, 0o700);
  const dealt = typeof clusters === 'number' ? await dealRecorded(folder, clusters) : ok(ownClusters(clusters));
  if (!dealt.ok) return dealt;
  const { classes, entries } = dealt.value;
  const words = ['--federation', federation, '--classes', ...classes, '--liars', String(liars)];
  const listen = { ...listenAnywhere, dashboard: '127.0.0.1:0' };
  await foundCoordinator(testudo, places.coordinator, { listen }, words);
  const state: StandingState = { version: 1, federation, clusters: entries, addresses: null, processes: [] };
  await writeState(folder, state);
  return ok(state);
}

type Dealt = Readonly<{ classes: readonly string[]; entries: StandingState['clusters'] }>;

async function dealRecorded(folder: string, count: number): Promise<Result<Dealt>> {
  const random = seededRandom(1);
  const data = await loadDataset(recordedPath, 'x86_64', random);
  if (!data.ok) return data;
  const { training } = data.value;
  const parts = partitionTraces<Trace>(training, defaultPartition(training), count, random);
  if (!parts.ok) return refuse('CLUSTERS_TOO_MANY', `--clusters: ${parts.fault.message}`);
  const entries: StandingState['clusters'] = [];
  for (const [name, traces] of parts.value) {
    const place = placesIn(folder).cluster(name);
    makeFolder(place, 0o700);
    const path = join(place, 'traces.tsv.gz');
    await writeTraces(path, name, traces);
    entries.push({ name, sources: [{ kind: 'traceFile', path }], ends: true });
  }
  return ok({ classes: [...new Set(training.map(({ service }) => service))].sort(), entries });
}

function ownClusters({ own, classes }: Readonly<{ own: readonly OwnCluster[]; classes: readonly string[] }>): Dealt {
  return { classes, entries: own.map(({ name, sources }) => ({ name, sources: [...sources], ends: false })) };
}

/**
 * A client's configuration. One that is there already goes on as its owner has changed it, and is written only where the coordinator's
 * addresses have changed; one that does not read is left to the client, which says what is wrong with it.
 */
export async function writeClientConfig(
  folder: string,
  { name, sources }: StandingState['clusters'][number],
  { federation, enrolment }: Readonly<{ federation: string; enrolment: string }>,
): Promise<string> {
  const place = placesIn(folder).cluster(name);
  makeFolder(place, 0o700);
  const path = join(place, 'client.yaml');
  const config = {
    dataDirectory: join(place, 'data'),
    coordinator: { addresses: [federation], enrolAddress: enrolment, reconnectSecondsMax: 1 },
    joinToken: { environment: 'TESTUDO_JOIN_TOKEN' },
    tracks: [defaultKind],
    sources,
    health: { listen: '127.0.0.1:0' },
  };
  const known = await readKnown(path);
  if (known === 'unreadable') return path;
  const { addresses, enrolAddress } = config.coordinator;
  const before = known?.coordinator;
  if (String(before?.addresses) === federation && before?.enrolAddress === enrolment) return path;
  const next = { ...config, ...known, coordinator: { ...config.coordinator, ...before, addresses, enrolAddress } };
  await writeFileAtomic(path, `${JSON.stringify(next, null, 2)}\n`); // JSON is YAML.
  return path;
}

const knownConfig = z.looseObject({
  coordinator: z.looseObject({ addresses: z.unknown(), enrolAddress: z.unknown() }).optional(),
});

async function readKnown(path: string): Promise<z.infer<typeof knownConfig> | 'unreadable' | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const read = readYaml(text);
  const known = knownConfig.safeParse(read.ok ? read.value : undefined);
  return known.success ? known.data : 'unreadable';
}
