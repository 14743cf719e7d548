import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { type FolderLock, lockFolder } from '../../base/folder-lock.ts';
import { signingKeyPairOf } from '../../proto/envelope/crypto/keys.ts';
import { parseCheckpoint, type TreeHead } from '../../proto/transparency/checkpoint.ts';
import { parseWitnessRequest } from '../../proto/transparency/proof-files.ts';
import {
  noteText,
  parseVerifierKey,
  signatureTypes,
  type VerifierKey,
  verifierKey,
  verifierKeyText,
} from '../../proto/transparency/signed-note.ts';
import { answerRequest, type WitnessFault } from '../../proto/transparency/witness.ts';

/** Who cosigns, with what, and which log. */
const witnessFile = z.strictObject({ name: z.string(), seed: z.base64(), log: z.array(z.string()).min(1) });

type HomeFault = 'FOLDER_IN_USE' | 'FOLDER_UNUSABLE' | 'DISK_FULL' | 'WITNESS_INVALID' | 'KEY_INVALID' | 'NOTE_INVALID';

/**
 * Makes a witness' folder, or gives the one that is there other keys of the log; its own key and memory stay. Returns its
 * public key, as NAME+KEYID+BASE64.
 */
export async function initWitness(
  home: string,
  name: string,
  log: readonly string[],
): Promise<Result<string, HomeFault>> {
  for (const text of log) {
    const key = parseVerifierKey(text);
    if (!key.ok) return key;
  }
  return locked(home, async () => {
    const known = existsSync(keyPath(home)) ? await readHome(home) : undefined;
    if (known !== undefined && !known.ok) return known;
    if (known?.ok && known.value.name !== name) {
      return refuse('WITNESS_INVALID', `${home} is the folder of ${known.value.name}; choose another for ${name}`);
    }
    const seed = known?.value.seed ?? randomBytes(32);
    let text: string;
    try {
      text = verifierKeyText(verifierKey(name, signatureTypes.cosignature, signingKeyPairOf(seed).publicKey));
    } catch (error) {
      return refuse('WITNESS_INVALID', (error as Error).message);
    }
    await writeFileAtomic(keyPath(home), `${JSON.stringify({ name, seed: seed.toString('base64'), log }, null, 2)}\n`);
    return ok(text);
  });
}

export type Cosigned = Readonly<{
  /** The head with the log's signatures and the witness'. */
  note: string;
  size: number;
  /** The size that was cosigned last; 0 before the first. */
  before: number;
}>;

/** Answers a request (C2SP tlog-witness) and remembers its head, durably, before the cosignature is handed out. */
export function cosignRequest(
  home: string,
  text: string,
  nowMs: number,
): Promise<Result<Cosigned, HomeFault | WitnessFault>> {
  return locked<Cosigned, WitnessFault>(home, async () => {
    const read = await readHome(home);
    if (!read.ok) return read;
    const { name, seed, logKeys } = read.value;
    const request = parseWitnessRequest(text);
    if (!request.ok) return request;
    const last = await lastHead(home);
    if (!last.ok) return last;
    const witness = { name, key: signingKeyPairOf(seed), logKeys };
    const answer = answerRequest(witness, last.value, request.value, Math.floor(nowMs / 1_000));
    if (!answer.ok) return answer;
    const { note, size } = request.value.checkpoint;
    const cosigned = noteText({ text: note.text, signatures: [...note.signatures, answer.value] });
    await writeFileAtomic(lastPath(home), cosigned);
    return ok({ note: cosigned, size, before: last.value?.size ?? 0 });
  });
}

async function locked<Value, Code extends string = never>(
  home: string,
  act: () => Promise<Result<Value, HomeFault | Code>>,
): Promise<Result<Value, HomeFault | Code>> {
  const lock: Result<FolderLock, HomeFault> = lockFolder(home); // Two requests at once must not both go on from one head.
  if (!lock.ok) return lock;
  try {
    return await act();
  } finally {
    lock.value.release();
  }
}

type Home = Readonly<{ name: string; seed: Buffer; logKeys: readonly VerifierKey[] }>;

async function readHome(home: string): Promise<Result<Home, HomeFault>> {
  const text = await readIfThere(keyPath(home));
  if (text === undefined) {
    return refuse('WITNESS_INVALID', `${home} holds no witness: \`testudo audit witness init\` makes one`);
  }
  const parsed = witnessFile.safeParse(jsonIn(text));
  const seed = Buffer.from(parsed.data?.seed ?? '', 'base64');
  const keys = (parsed.data?.log ?? []).map(parseVerifierKey);
  if (!parsed.success || seed.byteLength !== 32 || keys.some((key) => !key.ok)) {
    return refuse('WITNESS_INVALID', `${keyPath(home)} is damaged: restore it, or begin anew in another folder`);
  }
  return ok({ name: parsed.data.name, seed, logKeys: keys.flatMap((key) => (key.ok ? [key.value] : [])) });
}

/** A memory that cannot be read is no empty one: a witness that forgets would cosign a fork. */
async function lastHead(home: string): Promise<Result<TreeHead | undefined, HomeFault>> {
  const text = await readIfThere(lastPath(home));
  if (text === undefined) return ok(undefined);
  const head = parseCheckpoint(text);
  if (head.ok) return head;
  return refuse('WITNESS_INVALID', `${lastPath(home)} is damaged: restore it from where cosigned heads were given to`);
}

function keyPath(home: string): string {
  return join(home, 'witness.json');
}

function lastPath(home: string): string {
  return join(home, 'last.note');
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
