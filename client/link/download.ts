import { type FileHandle, open } from 'node:fs/promises';
import { privateFileMode } from '../../base/atomic-file.ts';
import { FaultError, ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import { type CallFaultCode, faultOfError, hungUpFault } from '../../proto/call.ts';

/** A piece of a file on its way: FetchModel's answers, and FetchFile's. */
export type Piece = Readonly<{ offset: bigint; sizeBytes: bigint; chunk: Uint8Array }>;

/** Pieces in order, from the offset that was asked for. `cancel` ends it, may come twice, and too late. */
export type PieceStream = AsyncIterable<Piece> & Readonly<{ cancel(): void }>;

export type DownloadOptions<Kind extends 'MODEL' | 'FILE' = 'MODEL' | 'FILE'> = Readonly<{
  /** What faults call it, and what their codes begin with. */
  name: string;
  kind: Kind;
  /** Known before the first byte: no sender can make it longer. */
  sizeBytes: number;
  signal: AbortSignal;
  /** The transfer is given up after this long without a byte. */
  stallMs: number;
  timers: Timers;
  /** The attempt is given up after this long, however steadily it drips; the next one goes on where it ended. */
  attemptMs?: number;
}>;

const graceMs = 10_000;

/** How long an attempt at so many bytes may take that is never slower than this on average, ten seconds and a stall aside. */
export function attemptMsFor(sizeBytes: number, stallMs: number, bytesPerSecondMin: number): number {
  return Math.min(graceMs + stallMs, 2 ** 30) + (sizeBytes / bytesPerSecondMin) * 1_000;
}

export type DownloadFaultCode<Kind extends string = DownloadOptions['kind']> =
  | CallFaultCode
  | `${Kind}_${'CHUNK_OUT_OF_PLACE' | 'STALLED' | 'TOO_SLOW' | 'TRUNCATED' | 'UNWRITABLE'}`;

/** Appends to `part`, from where an earlier attempt ended, until it has the size. The bytes are neither verified nor synced here. */
export async function download<Kind extends 'MODEL' | 'FILE'>(
  part: string,
  openAt: (offset: bigint) => PieceStream,
  { name, kind, sizeBytes, signal, stallMs, timers, attemptMs = Number.POSITIVE_INFINITY }: DownloadOptions<Kind>,
): Promise<Result<undefined, DownloadFaultCode<Kind>>> {
  const file = await open(part, 'a', privateFileMode);
  try {
    let position = (await file.stat()).size;
    if (position > sizeBytes) {
      await file.truncate(0);
      position = 0;
    }
    if (position === sizeBytes) return ok(undefined);
    let call: PieceStream;
    try {
      call = openAt(BigInt(position));
    } catch (error) {
      return { ok: false, fault: hungUpFault(error) };
    }
    const abort = () => call.cancel();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    let late: 'STALLED' | 'TOO_SLOW' | undefined;
    const giveUp = (why: 'STALLED' | 'TOO_SLOW') => {
      late ??= why;
      call.cancel();
    };
    const watch = () => timers.after(stallMs, () => giveUp('STALLED'));
    let watchdog = watch();
    const deadline = timers.after(attemptMs, () => giveUp('TOO_SLOW'));
    try {
      for await (const { offset, sizeBytes: claimed, chunk } of call) {
        // An empty chunk is no sign of life.
        if (chunk.length > 0) {
          timers.cancel(watchdog);
          watchdog = watch();
        }
        if (offset !== BigInt(position) || claimed !== BigInt(sizeBytes) || position + chunk.length > sizeBytes) {
          return refuse(
            `${kind}_CHUNK_OUT_OF_PLACE`,
            `chunk at ${offset} of ${claimed}; expected ${position} of ${sizeBytes}`,
          );
        }
        // Our own disk's fault: what is caught below is the sender's.
        const refused = await appendTo(file, chunk);
        if (refused !== undefined) {
          const why = `${position} of ${sizeBytes} bytes of ${name} are on disk, and no more could be written (${refused})`;
          return refuse(`${kind}_UNWRITABLE`, `${why}; make room in the data directory, or see why it takes nothing`);
        }
        position += chunk.length;
      }
    } catch (error) {
      if (late === 'STALLED') return refuse(`${kind}_STALLED`, `no byte of ${name} for ${stallMs} ms`);
      if (late === 'TOO_SLOW') {
        return refuse(`${kind}_TOO_SLOW`, `${position} of ${sizeBytes} bytes of ${name} within ${attemptMs} ms`);
      }
      return { ok: false, fault: error instanceof FaultError ? error.fault : faultOfError(error) };
    } finally {
      timers.cancel(watchdog);
      timers.cancel(deadline);
      signal.removeEventListener('abort', abort);
      call.cancel();
    }
    if (position < sizeBytes) return refuse(`${kind}_TRUNCATED`, `${position} of ${sizeBytes} bytes arrived`);
    return ok(undefined);
  } finally {
    await file.close();
  }
}

/** The system's code where nothing, or not all, could be written. */
async function appendTo(file: FileHandle, chunk: Uint8Array): Promise<string | undefined> {
  try {
    await file.appendFile(chunk);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
