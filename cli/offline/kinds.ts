/**
 * The kinds of tracks that verbs on files know: the built-in ones, and a folder that `--track` names. They are loaded
 * before the command line is parsed, since each brings options of its own.
 */
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { OfflineKind } from '../../client/tracks/offline-kind.ts';
import { builtInKinds, importTrackKind, moduleOfKind } from '../../client/tracks/track-kinds.ts';
import { exitUncaught, usage } from '../exit.ts';

export type KnownKind = Readonly<{
  /** As `--track` names it. */
  named: string;
  /** What sentences call it. */
  name: string;
  architectures: readonly string[];
  offline: OfflineKind;
}>;

export const knownKinds: readonly KnownKind[] = await loadKinds(trackOf(process.argv.slice(2)));

async function loadKinds(wanted: string | undefined): Promise<readonly KnownKind[]> {
  const builtIn = builtInKinds().map((name) => ({ named: name, folder: name }));
  // A name is one of ours; anything else is a path, as in a client's configuration.
  const isPath = wanted !== undefined && /[/\\]/.test(wanted);
  const all = isPath ? [...builtIn, { named: wanted, folder: resolve(wanted) }] : builtIn;
  return await Promise.all(
    all.map(async ({ named, folder }) => {
      const module = moduleOfKind(folder);
      if (module === undefined) return usage(`--track: ${named} holds no track.ts; see docs/adding-a-track.md`);
      const { architectures, offline } = await importTrackKind(module).catch(exitUncaught);
      return { named, name: basename(folder), architectures, offline: (await offline?.()) ?? {} };
    }),
  );
}

/** Looks ahead: other options are not known yet, so a value may be taken for an argument, which does no harm here. */
function trackOf(args: readonly string[]): string | undefined {
  const options = { track: { type: 'string' } } as const;
  const { track } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true }).values;
  return typeof track === 'string' ? track : undefined;
}
