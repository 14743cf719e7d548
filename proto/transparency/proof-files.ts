import { ok, type Result, refuse } from '../../base/fault.ts';
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts';
import { hashBytes } from './merkle.ts';

/** C2SP tlog-proof v1: that something stands at `index` (from 0) of the log whose checkpoint it brings along. */
export type InclusionFile = Readonly<{
  /** What the leaf is made of, by the log's own rule. Not trusted before it is checked against the proof. */
  extra: Uint8Array;
  index: number;
  proof: readonly Uint8Array[];
  checkpoint: Checkpoint;
}>;

/** C2SP tlog-witness, the body of `add-checkpoint`: a checkpoint, and that it goes on from the tree of `old` entries. */
export type WitnessRequest = Readonly<{ old: number; proof: readonly Uint8Array[]; checkpoint: Checkpoint }>;

const inclusionHead = 'c2sp.org/tlog-proof@v1';
/** What tlog-witness allows, and more than a tree of 2^53 entries needs. */
const proofLinesMax = 63;

export function inclusionText(file: Omit<InclusionFile, 'checkpoint'>, checkpointNote: string): string {
  const lines = [inclusionHead, `extra ${base64(file.extra)}`, `index ${file.index}`, ...file.proof.map(base64)];
  return `${lines.join('\n')}\n\n${checkpointNote}`;
}

export function witnessRequestText(old: number, proof: readonly Uint8Array[], checkpointNote: string): string {
  return `${[`old ${old}`, ...proof.map(base64)].join('\n')}\n\n${checkpointNote}`;
}

export function parseInclusion(text: string): Result<InclusionFile, 'NOTE_INVALID'> {
  const parts = split(text);
  if (!parts.ok) return parts;
  const [head, extra = '', index = '', ...lines] = parts.value.lines;
  const made = Buffer.from(extra.slice('extra '.length), 'base64');
  const at = numberIn('index', index);
  const proof = hashesIn(lines);
  if (head !== inclusionHead || extra !== `extra ${base64(made)}` || at === undefined || proof === undefined)
    return noProof();
  const { checkpoint } = parts.value;
  return ok({ extra: made, index: at, proof, checkpoint });
}

export function parseWitnessRequest(text: string): Result<WitnessRequest, 'NOTE_INVALID'> {
  const parts = split(text);
  if (!parts.ok) return parts;
  const [first = '', ...lines] = parts.value.lines;
  const old = numberIn('old', first);
  const proof = hashesIn(lines);
  return old === undefined || proof === undefined ? noProof() : ok({ old, proof, checkpoint: parts.value.checkpoint });
}

function split(text: string): Result<{ lines: readonly string[]; checkpoint: Checkpoint }, 'NOTE_INVALID'> {
  const end = text.indexOf('\n\n');
  if (end < 0) return noProof();
  const checkpoint = parseCheckpoint(text.slice(end + 2));
  return checkpoint.ok ? ok({ lines: text.slice(0, end).split('\n'), checkpoint: checkpoint.value }) : checkpoint;
}

function numberIn(word: string, line: string): number | undefined {
  const [, digits] = new RegExp(`^${word} (0|[1-9]\\d{0,14})$`).exec(line) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function hashesIn(lines: readonly string[]): readonly Uint8Array[] | undefined {
  const hashes = lines.map((line) => Buffer.from(line, 'base64'));
  const sound = hashes.every((hash, index) => hash.byteLength === hashBytes && base64(hash) === lines[index]);
  return sound && hashes.length <= proofLinesMax ? hashes : undefined;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function noProof() {
  return refuse('NOTE_INVALID', 'not a proof: expected its kind, hashes in base64, an empty line and a checkpoint');
}
