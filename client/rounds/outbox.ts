import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing, makeFolder, privateFolderMode, syncPath, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { Turns } from '../../base/waiting/turns.ts';
import { checkHeader, type UpdateHeader } from '../../proto/envelope/header.ts';
import { isRoundId, numberOfRound, type RoundId, type TrackId } from '../../proto/ids.ts';

/** A sealed, signed update that waits for its receipt. */
export type KeptUpdate = Readonly<{
  track: TrackId;
  round: RoundId;
  header: UpdateHeader;
  /** Ed25519, 64 bytes, over the header. */
  signature: Uint8Array;
  /** No update is accepted after this moment of the coordinator's clock. */
  closesAtMs: number;
}>;

export type Restored = Readonly<{ kept: KeptUpdate; sequence: number | undefined }>;

const stored = z.strictObject({
  version: z.literal(1),
  header: z.unknown(),
  signature: z.base64(),
  closesAtMs: z.int().nonnegative(),
});
const storedReceipt = z.strictObject({ sequence: z.int().positive() });

/**
 * Updates on disk, from sealing until their round is over: `<track>/<round>/sealed.bin`, then `update.json`, whose
 * appearance commits the update, then `receipt.json`. Only sealed bytes lie here: the delta itself is never stored.
 */
export class Outbox {
  readonly #folder: string;
  /** A round's end may overtake its receipt: what touches the files waits for what was asked before it. */
  readonly #turns = new Turns();

  constructor(folder: string) {
    this.#folder = folder;
  }

  sealedPath(track: TrackId, round: RoundId): string {
    return join(this.#roundFolder(track, round), 'sealed.bin');
  }

  /** Makes room for a sealed file, and forgets an earlier attempt at the same round. */
  async prepare(track: TrackId, round: RoundId): Promise<string> {
    await this.drop(track, round);
    makeFolder(this.#roundFolder(track, round), privateFolderMode);
    return this.sealedPath(track, round);
  }

  /** After this the update survives a crash. Refused where it was dropped meanwhile: its round is over. */
  keep(update: KeptUpdate): Promise<Result<undefined, 'UPDATE_DROPPED'>> {
    return this.#turns.take(async () => {
      try {
        await this.#keep(update);
        return ok(undefined);
      } catch (error) {
        if (!isMissing(error)) throw error;
        return refuse('UPDATE_DROPPED', `round ${update.round} ended while its update was sealed; wait for the next`);
      }
    });
  }

  async #keep(update: KeptUpdate): Promise<void> {
    await syncPath(this.sealedPath(update.track, update.round));
    const { header, signature, closesAtMs } = update;
    const record = { version: 1, header, signature: Buffer.from(signature).toString('base64'), closesAtMs };
    await writeFileAtomic(join(this.#roundFolder(update.track, update.round), 'update.json'), JSON.stringify(record));
  }

  /** Nothing is kept where the update was dropped meanwhile. */
  keepReceipt(track: TrackId, round: RoundId, sequence: number): Promise<void> {
    return this.#turns.take(async () => {
      try {
        await writeFileAtomic(join(this.#roundFolder(track, round), 'receipt.json'), JSON.stringify({ sequence }));
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    });
  }

  drop(track: TrackId, round: RoundId): Promise<void> {
    return this.#turns.take(async () => {
      const folder = this.#roundFolder(track, round);
      // The commit mark goes first: a crash half-way leaves garbage, not an update without its bytes.
      await rm(join(folder, 'update.json'), { force: true });
      // Tried again where the sealing thread has just put another file there.
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
    });
  }

  /** What a track has to deliver after a restart: the newest round's update. Older rounds and fragments are removed. */
  async restore(track: TrackId): Promise<Restored | undefined> {
    let names: string[];
    try {
      names = await readdir(join(this.#folder, track));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const rounds = names.filter(isRoundId).sort((a, b) => numberOfRound(b) - numberOfRound(a));
    let newest: Restored | undefined;
    for (const round of rounds) {
      const found = newest === undefined ? await this.#read(track, round) : undefined;
      if (found?.ok) newest = found.value;
      else await this.drop(track, round);
    }
    await syncPath(join(this.#folder, track));
    return newest;
  }

  async #read(track: TrackId, round: RoundId): Promise<Result<Restored, 'OUTBOX_DAMAGED'>> {
    const folder = this.#roundFolder(track, round);
    const damaged = refuse('OUTBOX_DAMAGED', `${folder} does not hold a whole update`);
    const json = await readJson(join(folder, 'update.json'));
    const parsed = stored.safeParse(json);
    if (!parsed.success) return damaged;
    const header = checkHeader(parsed.data.header);
    if (!header.ok || header.value.track !== track || header.value.round !== round) return damaged;
    const { closesAtMs } = parsed.data;
    const signature = new Uint8Array(Buffer.from(parsed.data.signature, 'base64'));
    const receipt = storedReceipt.safeParse(await readJson(join(folder, 'receipt.json')));
    return ok({
      kept: { track, round, header: header.value, signature, closesAtMs },
      sequence: receipt.success ? receipt.data.sequence : undefined,
    });
  }

  #roundFolder(track: TrackId, round: RoundId): string {
    return join(this.#folder, track, round);
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
