import { type Fault, FaultError } from '../base/fault.ts';
import type { Timers } from '../base/time.ts';
import type { ClientConfig } from './config.ts';
import { type FileAt, fileAt } from './sources/file-at.ts';
import { openSource, sourceName } from './sources/open-source.ts';
import type { SourceConfig } from './sources/source-config.ts';
import { SourceTally } from './sources/source-tally.ts';
import type { TrackKind } from './tracks/track-kind.ts';
import { importTrackKind, moduleOfKind } from './tracks/track-kinds.ts';

export type TriedSource = Readonly<{
  source: string;
  tally: SourceTally;
  /** Why it could not be read, or not all the time. */
  fault: string | undefined;
  /** Whether anything of it was understood. */
  isUsable: boolean;
}>;

/**
 * Reads every source from its beginning for a while, or to its end, and says what was understood. Nothing else: no
 * identity, no cursor, no buffer is opened or written, so it may be done beside a client that runs.
 */
export async function trySources(
  { sources, tracks }: Pick<ClientConfig, 'sources' | 'tracks'>,
  forMs: number,
  timers: Timers,
): Promise<readonly TriedSource[]> {
  const kinds = new Map<string, TrackKind>();
  for (const { id, folder } of tracks) {
    const module = moduleOfKind(folder);
    if (module !== undefined) kinds.set(id, await importTrackKind(module));
  }
  const over = new AbortController();
  const timer = timers.after(forMs, () => over.abort());
  const tried = await Promise.all(sources.map((source) => trySource(source, kinds, { signal: over.signal, timers })));
  timers.cancel(timer);
  return tried;
}

async function trySource(
  source: SourceConfig,
  kinds: ReadonlyMap<string, TrackKind>,
  { signal, timers }: Readonly<{ signal: AbortSignal; timers: Timers }>,
): Promise<TriedSource> {
  const tally = new SourceTally();
  let fault: string | undefined;
  const onDisconnect = ({ code, message }: Fault) => {
    // What we hung up ourselves says nothing.
    if (!signal.aborted) fault = `${code}: ${message}`;
  };
  const options = { from: undefined, signal, timers, onDisconnect };
  try {
    const ofTrack = (track: string, settings: unknown) => kinds.get(track)?.openSource?.(settings, options);
    for await (const { items } of openSource(source, { ...options, ofTrack })) {
      for (const item of items) tally.saw(item);
      // Its turn for the timer that ends this, and for the other sources.
      await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) break;
    }
  } catch (error) {
    const { code, message } = error instanceof FaultError ? error.fault : (error as NodeJS.ErrnoException);
    fault = `${code ?? (error as Error).name}: ${message}`;
  }
  if (tally.events.size === 0 && 'path' in source) fault ??= faultOf(await fileAt(source.path));
  return { source: sourceName(source), tally, fault, isUsable: tally.events.size > 0 };
}

/** Why nothing can come of a file; undefined: it is there and can be read. */
function faultOf(file: FileAt): string | undefined {
  if (file.kind === 'FILE') return undefined;
  return file.kind === 'MISSING'
    ? 'ENOENT: the file is not there: check path and mount'
    : `${file.code}: ${file.remedy}`;
}
