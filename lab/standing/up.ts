import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import { FaultError, unwrap } from '../../base/fault.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import type { ClusterState } from '../../proto/generated/testudo/v1/operator_status.ts';
import { type Addresses, startCoordinatorProcess } from '../rig/coordinator-process.ts';
import { lastLines, processEnded, startMember } from '../rig/member.ts';
import { connectOperator, type Operator } from '../rig/operator.ts';
import { endAll, endOne } from './down.ts';
import { writeClientConfig } from './founding.ts';
import { isStill, markOf } from './process-mark.ts';
import { coordinatorName, placesIn, type StandingState, writeState } from './standing-state.ts';

const lookMs = 100;

/** Who is there, and what it has done so far. */
export type Progress = Readonly<{ started: number; connected: number; read: number; clusters: number }>;

type Given = Readonly<{
  folder: string;
  testudo: string;
  onProgress: (progress: Progress) => void;
  /** Aborted, it throws the reason at its next look, also while the coordinator is not ready yet. */
  signal: AbortSignal;
}>;

/** Writes down what is up from now on. */
type Keep = (state: StandingState) => Promise<void>;

/**
 * Starts what is not running of a federation that was founded, and returns once every cluster is connected, runs the release
 * that it shall, and has read what it reads to an end. Processes outlive this one; every one is remembered as soon as it is there, so that `down` finds it
 * whatever happens. Throws what a process said last when it ends before, and the reason of `signal`: what this call started has ended again by then,
 * also where it could not be written down.
 */
export async function bringUp(state: StandingState, given: Given): Promise<StandingState> {
  const before = { ...state, processes: state.processes.filter(isStill) };
  let now = before;
  const keep = async (next: StandingState) => {
    now = next;
    await writeState(given.folder, next);
  };
  try {
    return await startMissing(before, given, keep);
  } catch (error) {
    const isNew = ({ pid }: Readonly<{ pid: number }>) => !before.processes.some((one) => one.pid === pid);
    // Where nothing can be written they have ended all the same, and whoever reads the file finds them gone.
    await endAll(given.folder, now, isNew).catch(() => undefined);
    throw error;
  }
}

async function startMissing(before: StandingState, given: Given, keep: Keep): Promise<StandingState> {
  const withCoordinator = await startCoordinator(before, given, keep);
  const { addresses } = withCoordinator;
  const operator = connectOperator(
    unwrap(await readCredentials(placesIn(given.folder).credentials)),
    addresses.federation,
  );
  try {
    const everybody = await startClients(withCoordinator, operator, given, keep);
    await whenReady(everybody, operator, given);
    return everybody;
  } finally {
    operator.close();
  }
}

type Running = StandingState & Readonly<{ addresses: NonNullable<StandingState['addresses']> }>;

async function startCoordinator(
  state: StandingState,
  { folder, testudo, signal }: Given,
  keep: Keep,
): Promise<Running> {
  const left = state.processes.find(({ name }) => name === coordinatorName);
  if (left !== undefined && state.addresses !== null) return { ...state, addresses: state.addresses };
  // Started by an `up` that ended too soon to hear where it listens.
  if (left !== undefined) await endOne(left);
  const { config, logOf } = placesIn(folder);
  await listenAgain(config, state.addresses);
  const logFile = logOf(coordinatorName);
  let next = state;
  const onStarted = async (pid: number) => {
    next = await remembered(keep, { ...state, addresses: null }, { name: coordinatorName, pid });
  };
  const { addresses } = await startCoordinatorProcess({ testudo, config, logFile, stays: true, onStarted, signal });
  const running = { ...next, addresses };
  await keep(running);
  return running;
}

/** The same ports as before where they are free, so that what people wrote down stays true; others where they are not. */
async function listenAgain(config: string, addresses: Addresses | null): Promise<void> {
  const file = parseYaml(await readFile(config, 'utf8')) as { listen: Record<string, string> };
  for (const [name, said] of Object.entries(addresses ?? file.listen)) {
    const address = said.replace(/^https?:\/\//, ''); // The dashboard's is said as browsers take it.
    file.listen[name] = (await isFree(address)) ? address : address.replace(/:\d+$/, ':0');
  }
  await writeFile(config, stringifyYaml(file), { mode: 0o600 });
}

/** Whether this process could listen there. */
function isFree(address: string): Promise<boolean> {
  const at = address.lastIndexOf(':');
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(Number(address.slice(at + 1)), address.slice(0, at), () => server.close(() => resolve(true)));
  });
}

async function startClients(
  state: Running,
  operator: Operator,
  { folder, testudo, onProgress, signal }: Given,
  keep: Keep,
): Promise<Running> {
  const { clusters } = await operator.call(operator.client.listClusters, { page: { size: 500, token: '' } });
  const enrolled = new Set(clusters.map(({ name }) => name));
  let next = state;
  for (const [at, entry] of state.clusters.entries()) {
    signal.throwIfAborted();
    onProgress({ started: at, connected: 0, read: 0, clusters: state.clusters.length });
    if (next.processes.some(({ name }) => name === entry.name)) continue;
    const config = await writeClientConfig(folder, entry, state.addresses);
    const token = enrolled.has(entry.name) ? undefined : await tokenFor(entry.name, operator);
    const member = await startMember({
      name: entry.name,
      args: [testudo, 'client', '--config', config],
      env: token === undefined ? {} : { TESTUDO_JOIN_TOKEN: token },
      logFile: placesIn(folder).logOf(entry.name),
      stays: true,
    });
    next = await remembered(keep, next, { name: entry.name, pid: member.pid });
  }
  return next;
}

async function tokenFor(cluster: string, operator: Operator): Promise<string> {
  const { token } = await operator.call(operator.client.createToken, { cluster, lifetimeSeconds: 600, labels: [] });
  return token;
}

async function remembered<State extends StandingState>(
  keep: Keep,
  state: State,
  { name, pid }: Readonly<{ name: string; pid: number }>,
): Promise<State> {
  const mark = markOf(pid);
  const others = state.processes.filter((one) => one.name !== name);
  const next = { ...state, processes: [...others, ...(mark === undefined ? [] : [{ name, pid, mark }])] };
  await keep(next);
  return next;
}

async function whenReady(state: Running, operator: Operator, { folder, onProgress, signal }: Given): Promise<void> {
  const total = state.clusters.length;
  for (;;) {
    signal.throwIfAborted();
    const { clusters } = await operator.call(operator.client.getStatus, { page: { size: 500, token: '' } });
    const own = new Set(state.clusters.map(({ name }) => name));
    const connected = clusters.filter((one) => own.has(one.name) && isInPlace(one)).length;
    const reads = await Promise.all(state.clusters.map((cluster) => hasRead(folder, cluster)));
    const read = reads.filter(Boolean).length;
    onProgress({ started: total, connected, read, clusters: total });
    if (connected === total && read === total) return;
    const gone = state.processes.find((one) => !isStill(one));
    if (gone !== undefined) {
      const said = await lastLines({ logFile: placesIn(folder).logOf(gone.name) });
      throw new FaultError(processEnded(gone.name, said));
    }
    await pause(lookMs);
  }
}

/** Connected, and its agent has said of every track that what shall score there does. */
function isInPlace({ connected, tracks }: ClusterState): boolean {
  return connected && tracks.length > 0 && tracks.every(({ live, wanted }) => live !== undefined && live === wanted);
}

/** Whether a cluster has read what comes to an end; a sensor that is followed never does. */
async function hasRead(folder: string, { name, ends }: StandingState['clusters'][number]): Promise<boolean> {
  if (!ends) return true;
  const log = await readFile(placesIn(folder).logOf(name), 'utf8').catch(() => '');
  return log.includes('"source read to its end"');
}
