import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  isMissing,
  makeFolder,
  partialOf,
  privateFolderMode,
  syncPath,
  writeFileAtomic,
} from '../../base/atomic-file.ts';
import type { Result } from '../../base/fault.ts';
import { Turns } from '../../base/waiting/turns.ts';
import { lockDataDir } from '../ledger/data-dir-lock.ts';
import { journalFile } from '../ledger/journal/read-beside.ts';

/** Where sealed secrets lie. Names are legal when they come here. */
export interface SecretPlace {
  /** For people. */
  readonly name: string;
  read(name: string): Promise<Buffer | undefined>;
  /** Which of these there are. */
  present(names: readonly string[]): Promise<readonly string[]>;
  /** Durable when it resolves. Replaces what is there. */
  write(name: string, sealed: Buffer): Promise<void>;
  /**
   * As `write`, where nothing is there yet: else false, and what is there stays. A database decides between two that do so at
   * once; in a folder two processes may both come to write, within the same few milliseconds, and one process takes turns.
   */
  add(name: string, sealed: Buffer): Promise<boolean>;
  /** Overwrites where the medium allows it, then removes; durable when it resolves. Nothing to remove is no error. */
  erase(name: string): Promise<void>;
}

type FoundingFaultCode = 'DATA_DIR_LOCKED' | 'DATA_DIR_UNUSABLE' | 'DISK_FULL';

/** Where all lies that makes a coordinator this one: sealed secrets, and the certificates of its authority. */
export type IdentityPlace = Readonly<{
  /** For people. */
  name: string;
  secrets: SecretPlace;
  /** PEM. */
  readCertificate(name: CertificateName): Promise<string | undefined>;
  writeCertificate(name: CertificateName, pem: string): Promise<void>;
  /** A coordinator has run here: its journal lies beside them. Absent where the two cannot be lost apart. */
  hasJournal?: () => boolean;
  /**
   * Two first starts at once must not found two authorities: while `found` runs, no other does. It goes by the place that it is
   * given, which takes nothing any more once others are no longer held off.
   */
  alone<Value, Code extends string>(
    found: (place: IdentityPlace) => Promise<Result<Value, Code>>,
  ): Promise<Result<Value, Code | FoundingFaultCode>>;
}>;

export type CertificateName = 'root' | 'issuer';

/** In a data directory: keys/ and identity/. */
export function placeInFolder(dataDirectory: string): IdentityPlace {
  const pathOf = (name: CertificateName) => join(dataDirectory, 'identity', `${name}.pem`);
  const place: IdentityPlace = {
    name: dataDirectory,
    secrets: new KeyFolder(join(dataDirectory, 'keys')),
    readCertificate: async (name) => (await readIfThere(pathOf(name)))?.toString('utf8'),
    writeCertificate: (name, pem) => writeFileAtomic(pathOf(name), pem),
    hasJournal: () => existsSync(join(dataDirectory, journalFile)),
    async alone(found) {
      const lock = lockDataDir(dataDirectory);
      if (!lock.ok) return lock;
      try {
        return await found(place);
      } finally {
        lock.value.release();
      }
    },
  };
  return place;
}

/** Begins a file that was overwritten and, by a process that was killed there, not removed: no key is in it any more. */
const erasedMark = Buffer.from('testudo/erased\n');

/** A file for each secret. Changes take turns: two writers of one name would take each other's half-written file away. */
export class KeyFolder implements SecretPlace {
  readonly name: string;
  readonly #changes = new Turns();

  constructor(folder: string) {
    this.name = folder;
  }

  async read(name: string): Promise<Buffer | undefined> {
    const bytes = await readIfThere(join(this.name, name));
    return bytes?.subarray(0, erasedMark.length).equals(erasedMark) ? undefined : bytes;
  }

  async present(names: readonly string[]): Promise<readonly string[]> {
    const there = new Set(await readdir(this.name).catch((error) => (isMissing(error) ? [] : Promise.reject(error))));
    return names.filter((name) => there.has(name));
  }

  write(name: string, sealed: Buffer): Promise<void> {
    return this.#changes.take(() => this.#write(name, sealed));
  }

  add(name: string, sealed: Buffer): Promise<boolean> {
    return this.#changes.take(async () => {
      if ((await this.read(name)) !== undefined) return false;
      await this.#write(name, sealed);
      return true;
    });
  }

  erase(name: string): Promise<void> {
    return this.#changes.take(() => this.#erase(name));
  }

  async #write(name: string, sealed: Buffer): Promise<void> {
    makeFolder(this.name, privateFolderMode);
    const path = join(this.name, name);
    await writeFileAtomic(path, sealed, { temporary: partialOf(path) });
  }

  async #erase(name: string): Promise<void> {
    const path = join(this.name, name);
    try {
      const file = await open(path, 'r+');
      try {
        // Helps on media that write in place; copy-on-write media and flash may keep the old ciphertext.
        const { size } = await file.stat();
        await file.write(Buffer.concat([erasedMark, randomBytes(Math.max(0, size - erasedMark.length))]), 0);
      } finally {
        await file.close();
      }
      await syncPath(path);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    for (const left of [path, partialOf(path), `${path}.new`]) await rm(left, { force: true });
    await syncPath(this.name);
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
