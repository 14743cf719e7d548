import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, writeFileAtomic } from '../../../base/atomic-file.ts';
import { canonicalBytes, type JsonValue } from '../../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import { newSigningKeyPair, type SigningKeyPair, signingKeyPairOf } from '../../../proto/envelope/crypto/keys.ts';
import type { Digest } from '../../../proto/ids.ts';
import { openRecord, recordKey, sealRecord } from '../../storage/sealed-record.ts';
import { type ChainEnd, ChainWriter } from '../chain-end.ts';
import {
  decodeRecord,
  encodeRecord,
  type RecordFaultCode,
  type RecordHead,
  recordDigest,
  type SignedRecord,
} from './signed-record.ts';

/** What is added to the chain; the chain gives it its place. */
export type Evidence = Pick<RecordHead, 'atMs' | 'kind' | 'cluster' | 'subject' | 'alerts'> &
  Readonly<{ content: JsonValue }>;

const fileName = (sequence: number) => `${String(sequence).padStart(8, '0')}.evidence`;
const namePattern = /^(\d{8})\.evidence$/;
/** Of what one record holds. */
export const contentBytesMax = 16 << 20;

/**
 * Evidence at rest: one file a record, sealed under the data key, signed with this agent's own key, each naming the one
 * before it. `head.json` says, signed, how long the chain is, so that a record taken off its end is missed too. One writer.
 */
export class EvidenceChain {
  readonly #folder: string;
  readonly #key: SigningKeyPair;
  readonly #dataKey: Uint8Array;
  readonly #writer: ChainWriter<Digest>;

  private constructor(folder: string, key: SigningKeyPair, dataKey: Uint8Array, last: ChainEnd<Digest>) {
    this.#folder = folder;
    this.#key = key;
    this.#dataKey = dataKey;
    this.#writer = new ChainWriter(last);
  }

  /** Goes on behind the last record. A key is made where there is none. Rejects on what was written and cannot be read. */
  static async open(folder: string, dataKey: Uint8Array): Promise<EvidenceChain> {
    const keyFile = join(folder, 'evidence.key');
    const key = (await readKey(keyFile)) ?? newSigningKeyPair();
    await writeFileAtomic(keyFile, `${Buffer.from(key.secretKey.subarray(0, 32)).toString('hex')}\n`);
    const numbers = await sequencesIn(folder);
    const sequence = numbers.at(-1) ?? 0;
    if (sequence === 0) return new EvidenceChain(folder, key, dataKey, { sequence: 0, digest: null });
    const last = decodeRecord(await readFile(join(folder, fileName(sequence))));
    if (!last.ok) throw new Error(`${fileName(sequence)}: ${last.fault.message}; move the folder away to begin anew`);
    return new EvidenceChain(folder, key, dataKey, { sequence, digest: recordDigest(last.value.head) });
  }

  /** How long the chain is, and the digest of its last record. */
  get last(): ChainEnd<Digest> {
    return this.#writer.end;
  }

  get publicKey(): Uint8Array {
    return this.#key.publicKey;
  }

  /** On disk when it resolves. Its digest is what a pod's annotation and other records name. */
  append({ content, ...said }: Evidence): Promise<Digest> {
    return this.#writer.extend(async (end, reached) => {
      const plain = canonicalBytes(content);
      if (plain.length > contentBytesMax) throw new RangeError(`evidence: at most ${contentBytesMax} bytes`);
      const sequence = end.sequence + 1;
      const sealed = sealRecord(recordKey(this.#dataKey, 'evidence'), plain, fileName(sequence));
      const head: RecordHead = {
        ...said,
        sequence,
        previous: end.digest,
        sealed: { digest: digestOf(sealed), bytes: sealed.length },
      };
      await writeFileAtomic(join(this.#folder, fileName(sequence)), encodeRecord(head, sealed, this.#key));
      const digest = recordDigest(head);
      reached({ sequence, digest });
      await writeFileAtomic(join(this.#folder, 'head.json'), encodeEnd({ sequence, digest }, said, this.#key));
      return digest;
    });
  }
}

/** The chain's end is itself a record, of nothing but its own place: the same checks read it. */
function encodeEnd(
  { sequence, digest }: Readonly<{ sequence: number; digest: Digest }>,
  { atMs, cluster }: Pick<RecordHead, 'atMs' | 'cluster'>,
  key: SigningKeyPair,
): Buffer {
  const nothing = Buffer.alloc(0);
  const subject = { namespace: '', pod: '', uid: '' };
  const sealed = { digest: digestOf(nothing), bytes: 0 };
  const head: RecordHead = { atMs, cluster, kind: 'outcome', subject, alerts: [], sealed, sequence, previous: digest };
  return encodeRecord(head, nothing, key);
}

export type Problem = Readonly<{ file: string; message: string }>;
export type Verified = Readonly<{
  records: readonly SignedRecord[];
  problems: readonly Problem[];
  /** The last record that a receipt speaks for, and so for all before it; 0 for none. */
  receipted: number;
}>;

/** What the coordinator's journal knows of a chain. */
export type KnownEnd = Readonly<{ signer: string; record: number; digest: string; sequence: number }>;

/**
 * Reads a folder and finds what is not as it was written: any byte that was changed, a record that is missing in the
 * middle or at the end, one that another key signed. `publicKey`: whose it must be; without it one key for all.
 * `anchors`: digests that are known from elsewhere, such as from pods' annotations; one that is missing is a problem. `ends`: where the
 * journal says that the chain once ended; a record that is not as it was then, or not there, is a problem.
 */
export async function verifyChain(folder: string, asked: Asked = {}): Promise<Verified> {
  // An agent may add records while they are read: what it says of the end belongs to what is there then.
  for (let before = await readEnd(folder); ; ) {
    const verified = await verifyUpTo(before, folder, asked);
    const after = await readEnd(folder);
    if (isSameEnd(before, after)) return verified;
    before = after;
  }
}

type Asked = Readonly<{ publicKey?: Uint8Array; anchors?: readonly string[]; ends?: readonly KnownEnd[] }>;
type End = Result<SignedRecord, RecordFaultCode> | undefined;

function isSameEnd(one: End, other: End): boolean {
  if (one?.ok !== true || other?.ok !== true) return one?.ok === other?.ok;
  return recordDigest(one.value.head) === recordDigest(other.value.head);
}

async function verifyUpTo(end: End, folder: string, { publicKey, anchors = [], ends = [] }: Asked): Promise<Verified> {
  const records: SignedRecord[] = [];
  const problems: Problem[] = [];
  const numbers = await sequencesIn(folder);
  let expected: Readonly<{ sequence: number; digest: Digest | null }> = { sequence: 0, digest: null };
  let signer = publicKey;
  const isForeign = (record: SignedRecord) => signer !== undefined && !Buffer.from(signer).equals(record.publicKey);
  for (const sequence of numbers) {
    const file = fileName(sequence);
    const decoded = decodeRecord(await readFile(join(folder, file)));
    if (sequence !== expected.sequence + 1) {
      problems.push({ file, message: `records ${expected.sequence + 1} to ${sequence - 1} are missing before it` });
    }
    if (!decoded.ok) {
      problems.push({ file, message: decoded.fault.message });
      expected = { sequence, digest: null };
      continue;
    }
    const { head } = decoded.value;
    if (head.sequence !== sequence)
      problems.push({ file, message: `it is record ${head.sequence} under another name` });
    if (head.previous !== expected.digest) {
      problems.push({ file, message: 'it does not follow the record before it' });
    }
    if (isForeign(decoded.value)) problems.push({ file, message: 'another key signed it' });
    signer ??= decoded.value.publicKey;
    records.push(decoded.value);
    expected = { sequence, digest: recordDigest(head) };
  }
  if (end === undefined) {
    if (numbers.length > 0)
      problems.push({ file: 'head.json', message: 'it is missing: the end of the chain is unknown' });
  } else if (!end.ok) {
    problems.push({ file: 'head.json', message: end.fault.message });
  } else {
    if (isForeign(end.value)) problems.push({ file: 'head.json', message: 'another key signed it' });
    const { sequence, previous } = end.value.head;
    // A crash between the two writes leaves one record more than the head knows of.
    const known = records.find(({ head }) => head.sequence === sequence);
    if (known === undefined || recordDigest(known.head) !== previous || expected.sequence > sequence + 1) {
      problems.push({
        file: 'head.json',
        message: `the chain ended with record ${sequence}, and it is not here as it was`,
      });
    }
  }
  const here = new Set<string>(records.map(({ head }) => recordDigest(head)));
  for (const anchor of anchors) {
    if (!here.has(anchor)) problems.push({ file: '(elsewhere)', message: `${anchor} is named there and is not here` });
  }
  let receipted = 0;
  for (const { signer, record, digest, sequence } of ends) {
    const found = records.find(({ head }) => head.sequence === record);
    const isSame =
      found !== undefined &&
      recordDigest(found.head) === digest &&
      Buffer.from(found.publicKey).toString('hex') === signer;
    if (isSame) receipted = Math.max(receipted, record);
    else {
      const message = `record ${record} stands in the journal at ${sequence}, and is not here as it was: ${digest}`;
      problems.push({ file: '(journal)', message });
    }
  }
  return { records, problems, receipted };
}

/** What a record holds, opened with the data key. */
export function openEvidence(
  { head, sealed }: SignedRecord,
  dataKey: Uint8Array,
): Result<JsonValue, 'RECORD_SHORT' | 'RECORD_NOT_OURS'> {
  const opened = openRecord(recordKey(dataKey, 'evidence'), sealed, fileName(head.sequence));
  return opened.ok ? ok(JSON.parse(opened.value.toString('utf8')) as JsonValue) : opened;
}

async function sequencesIn(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return names.flatMap((name) => (namePattern.test(name) ? [Number(name.slice(0, 8))] : [])).sort((a, b) => a - b);
}

async function readEnd(folder: string): Promise<End> {
  try {
    return decodeRecord(await readFile(join(folder, 'head.json')));
  } catch (error) {
    if (isMissing(error)) return undefined;
    return refuse('EVIDENCE_INVALID', `it cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

async function readKey(path: string): Promise<SigningKeyPair | undefined> {
  try {
    return signingKeyPairOf(Buffer.from((await readFile(path, 'utf8')).trim(), 'hex'));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
