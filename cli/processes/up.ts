import { existsSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { parse as parseYaml } from 'yaml';
import { FaultError, refuse } from '../../base/fault.ts';
import { lockFolder } from '../../base/folder-lock.ts';
import { readWholeText } from '../../base/text/read-whole.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import { jsonLine } from '../../base/text/table.ts';
import { readCredentials, replaceCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { type Founding, found } from '../../lab/standing/founding.ts';
import { placesIn, readState, type StandingState } from '../../lab/standing/standing-state.ts';
import { bringUp, type Progress } from '../../lab/standing/up.ts';
import { isClusterId, isFederationId } from '../../proto/ids.ts';
import { orExit, usage } from '../exit.ts';
import { prepareContexts, readContexts, writeContexts } from '../operator/contexts.ts';
import { complain, print } from '../print.ts';

/** Where a federation lies when nobody says. */
export const standingFolder = './testudo-up';
const clustersDefault = 6;

type Flags = Readonly<{
  clusters?: string;
  liars?: string;
  federation: string;
  sources?: string[];
  classes?: string[];
}>;

/** `testudo up`: between the demonstration and a federation of many machines. */
export function upCommand() {
  return new Command('up')
    .description('start a coordinator and clusters on this machine; they stay up when this command has ended')
    .argument('[folder]', 'where all of it lies; what was up there before goes on', standingFolder)
    .option('--clusters <count>', `how many clusters, which learn from recorded calls (${clustersDefault} unless said)`)
    .option('--liars <f>', 'how many of them may be hostile at a time (1, or 0 where they are fewer than five)')
    .option('--federation <id>', "the federation's id", 'herd')
    .option('--sources <file...>', 'a cluster for each file, which holds `sources:` as a client.yaml does')
    .option('--classes <name...>', 'with --sources: the workload classes, such as nginx redis')
    .option('--json', 'what is up, as JSON')
    .addHelpText(
      'after',
      `
All ports are the kernel's choice, on loopback. Commands speak to it without further flags until another context is used.
End it with \`testudo down\`; \`testudo up\` goes on from there.`,
    )
    .action(async (place, { json, ...flags }) => {
      const folder = resolve(place);
      prepareContexts(); // Who cannot be told how to speak to what stands should have nothing standing.
      const lock = orExit(lockFolder(folder));
      try {
        const testudo = process.argv[1] ?? '';
        const before = orExit(await readState(folder)) ?? orExit(await found(foundingOf(folder, testudo, flags)));
        refuseOthers(before, flags);
        orExit(await readCredentials(placesIn(folder).credentials)); // Before anything is started for them.
        const given = { folder, testudo, onProgress: say(), signal: interruption() };
        const state = await bringUp(before, given).catch((error: unknown) => {
          complain('not all of it came up; what was started now has been ended again');
          throw error;
        });
        await keepAddresses(state, placesIn(folder).credentials);
        const context = await useContext(state, placesIn(folder).credentials);
        if (json) print(jsonLine({ folder, context, ...state }));
        else print(whatNext(folder, state));
      } finally {
        lock.release();
      }
    });
}

function foundingOf(folder: string, testudo: string, flags: Flags): Founding {
  const { federation, sources, classes } = flags;
  if (!isFederationId(federation)) usage(`--federation: expected 1 to 63 of a-z, 0-9 and "-", got ${federation}`);
  if (sources === undefined && classes !== undefined)
    usage('--classes goes with --sources: recorded calls have theirs');
  if (sources !== undefined && classes === undefined) usage('--sources needs --classes, such as nginx redis postgres');
  if (sources !== undefined && flags.clusters !== undefined) usage('--clusters or --sources: each file is a cluster');
  const count = sources?.length ?? wholeNumber('--clusters', flags.clusters ?? String(clustersDefault), 1);
  const liars = wholeNumber('--liars', flags.liars ?? (count < 5 ? '0' : '1'), 0);
  const needed = 2 * liars + 3;
  if (count < needed) usage(`a round where ${liars} may lie needs ${needed} clusters or more, and these are ${count}`);
  const own = sources?.map((file) => ({ name: clusterOf(file), sources: sourcesIn(file) }));
  return {
    ...{ folder, testudo, federation, liars },
    clusters: own === undefined ? count : { own, classes: classes ?? [] },
  };
}

/** A federation is founded once: flags that say otherwise later would be passed over. */
function refuseOthers({ clusters, federation }: StandingState, flags: Flags): void {
  const other = 'name another folder for another federation';
  if (flags.clusters !== undefined && Number(flags.clusters) !== clusters.length)
    usage(`--clusters: there are ${clusters.length} here; ${other}`);
  if (flags.federation !== 'herd' && flags.federation !== federation)
    usage(`--federation: ${federation} is here; ${other}`);
}

function wholeNumber(flag: string, text: string, min: number): number {
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text) || value < min) usage(`${flag}: expected a whole number from ${min}, got ${text}`);
  return value;
}

function clusterOf(file: string): string {
  const name = basename(file, extname(file));
  if (!isClusterId(name)) usage(`--sources: the name of ${file} is its cluster's: 1 to 63 of a-z, 0-9 and "-"`);
  return name;
}

function sourcesIn(file: string): readonly unknown[] {
  if (!existsSync(file)) usage(`--sources: there is no ${file}`);
  const { sources } = (parseYaml(readWholeText(file)) ?? {}) as { sources?: unknown };
  return Array.isArray(sources) ? sources : usage(`--sources: ${file} holds no list called sources`);
}

/** One line for each step that is done, so that a log of it reads well too. */
function say(): (progress: Progress) => void {
  let last = '';
  return ({ started, connected, read, clusters }) => {
    const line =
      started < clusters
        ? 'the coordinator is ready; starting clusters'
        : `${connected} of ${clusters} clusters are connected, ${read} have read what they learn from`;
    if (line !== last) complain(line);
    last = line;
  };
}

/** Aborted by the first signal that asks this process to end. */
function interruption(): AbortSignal {
  const asked = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const message = `${signal} came before all of it was up; \`testudo up\` goes on from there`;
    process.once(signal, () => asked.abort(new FaultError(refuse('INTERRUPTED', message).fault)));
  }
  return asked.signal;
}

/** The kernel chose the ports: what clusters start with (`tokens create --kit`) goes by what the credentials say. */
async function keepAddresses({ addresses }: StandingState, path: string): Promise<void> {
  if (addresses === null) return;
  const before = orExit(await readCredentials(path));
  const { federation: address, enrolment: enrolAddress } = addresses;
  if (before.address === address && before.enrolAddress === enrolAddress) return;
  await replaceCredentials(path, { ...before, address, enrolAddress });
}

/** The context of this federation, current from now on. One of that name that is another federation's is left alone. */
async function useContext({ federation, addresses }: StandingState, credentials: string): Promise<string> {
  const all = readContexts();
  const { contexts } = all;
  const isOurs = (name: string) => contexts[name] === undefined || contexts[name].credentials === credentials;
  let name = federation;
  for (let next = 2; !isOurs(name); next++) name = `${federation}-${next}`;
  const context = { credentials, ...(addresses === null ? {} : { address: addresses.federation }) };
  await writeContexts({ ...all, current: name, contexts: { ...contexts, [name]: context } });
  return name;
}

function whatNext(folder: string, { federation, clusters, addresses }: StandingState): string {
  const place = folder === resolve(standingFolder) ? '' : ` ${shellWord(folder)}`;
  const pages = addresses?.dashboard;
  return `${federation} is up in ${folder}: a coordinator and ${clusters.length} clusters

how it stands   testudo status
a round         testudo rounds open syscall --wait --reason "first round"
${pages === undefined ? '' : `its dashboard   testudo dashboard      (${pages})\n`}end it          testudo down${place}`;
}
