import { z } from 'zod';
import { canonicalBytes } from '../base/canonical-json.ts';
import { ok, type Result, refuse } from '../base/fault.ts';
import { firstProblem, problemText } from '../base/text/problem-text.ts';
import { type ClusterId, type FederationId, isClusterId, isFederationId, isTrackId, type TrackId } from './ids.ts';

/**
 * What one cluster learnt about an attack that its operator confirmed: which hashed features its traces have in common.
 * It holds no weights of a model and no threshold: whoever takes it weighs it against what is normal at home.
 */
export type Antibody = Readonly<{
  federation: FederationId;
  track: TrackId;
  /** Who confirmed the attack. */
  cluster: ClusterId;
  /** What the operator calls the attack; 1 to 63 of a-z, 0-9, "-" and "_". */
  family: string;
  /** Distinct confirmed examples that it was made of, 1 to 1000. */
  examples: number;
  /** Hashed features (antigens of the track), ascending, each once; shape [n], 1 to `featuresMax`. */
  features: Uint32Array;
  /** In which share of the examples each feature was, in 255ths, at least 1; shape [n]. */
  shares: Uint8Array;
  /** Milliseconds since the epoch. */
  madeAtMs: number;
  /** Nobody uses it from then on. */
  expiresAtMs: number;
}>;

const formatRead = 'testudo/antibody/1';
export const featuresMax = 16_384;
/** Days from now on that an antibody may last: how attacks look changes. */
export const lifetimeDaysMax = 3_650;
/** Of an antibody's canonical JSON: room for `featuresMax` features in Base64, and names. */
export const antibodyBytesMax = 128 * 1024;

const familyPattern = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** Whether this may name a kind of attack. */
export function isFamily(text: unknown): text is string {
  return typeof text === 'string' && familyPattern.test(text);
}

const shape = z.strictObject({
  format: z.literal(formatRead),
  federation: z.custom<FederationId>(isFederationId, 'a federation id'),
  track: z.custom<TrackId>(isTrackId, 'a track id'),
  cluster: z.custom<ClusterId>(isClusterId, 'a cluster id'),
  family: z.custom<string>(isFamily, '1 to 63 of a-z, 0-9, "-" and "_"'),
  examples: z.int().min(1).max(1_000),
  features: z.base64().transform((text) => wordsOf(Buffer.from(text, 'base64'))),
  shares: z.base64().transform((text) => Uint8Array.from(Buffer.from(text, 'base64'))),
  madeAtMs: z.int().min(0),
  expiresAtMs: z.int().min(0),
});

/** The one byte form of an antibody: canonical JSON, features as little-endian 32-bit words in Base64. */
export function antibodyBytes({ features, shares, ...rest }: Antibody): Buffer {
  return canonicalBytes({
    format: formatRead,
    ...rest,
    features: bytesOf(features).toString('base64'),
    shares: Buffer.from(shares).toString('base64'),
  });
}

/** A legal antibody in its one byte form, or the first thing wrong. Safe on a stranger's bytes. */
export function readAntibody(bytes: Uint8Array): Result<Antibody, 'ANTIBODY_INVALID'> {
  if (bytes.length > antibodyBytesMax) return invalid(`at most ${antibodyBytesMax} bytes, got ${bytes.length}`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return invalid('expected canonical JSON');
  }
  const format = (value as Readonly<{ format?: unknown }> | null)?.format;
  if (typeof format === 'string' && format !== formatRead && /^testudo\/antibody\/\d{1,6}$/.test(format)) {
    return invalid(
      `its format is ${format}, and this build reads ${formatRead} alone: another build wrote it; upgrade, or make it again with this one`,
    );
  }
  const parsed = shape.safeParse(value, { error: problemText });
  if (!parsed.success) return invalid(firstProblem(parsed.error));
  const { format: _, ...antibody } = parsed.data;
  const { features, shares, madeAtMs, expiresAtMs } = antibody;
  if (features.length < 1 || features.length > featuresMax || shares.length !== features.length) {
    return invalid(`expected 1 to ${featuresMax} features with a share each`);
  }
  if (shares.includes(0)) return invalid('a feature that no example has is left out, so each share is at least 1');
  for (let at = 1; at < features.length; at++) {
    if ((features[at] as number) <= (features[at - 1] as number)) return invalid('features ascend, each once');
  }
  if (expiresAtMs <= madeAtMs) return invalid('expires before it was made');
  // Another byte form of the same antibody would have another digest.
  if (!antibodyBytes(antibody).equals(bytes)) return invalid('expected canonical JSON, and nothing beside it');
  return ok(antibody);
}

/** Antibodies that one release brings along at most. */
export const antibodiesMax = 64;

/** The file of a release that holds them: the bytes of one antibody a line. */
export function antibodiesFile(antibodies: readonly Uint8Array[]): Buffer {
  return Buffer.concat(antibodies.flatMap((one) => [one, Buffer.from('\n')]));
}

/** Every antibody of such a file, or the first thing wrong. Safe on a stranger's bytes. */
export function readAntibodies(bytes: Uint8Array): Result<readonly Antibody[], 'ANTIBODY_INVALID'> {
  if (bytes.length > antibodiesMax * (antibodyBytesMax + 1))
    return invalid('the file is larger than its antibodies can be');
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  if (lines.pop() !== '' || lines.length > antibodiesMax) {
    return invalid(`expected at most ${antibodiesMax} lines, each ended by a line feed`);
  }
  const read: Antibody[] = [];
  for (const line of lines) {
    const one = readAntibody(Buffer.from(line, 'latin1'));
    if (!one.ok) return one;
    read.push(one.value);
  }
  return ok(read);
}

function invalid(what: string) {
  return refuse('ANTIBODY_INVALID', `antibody: ${what}`);
}

function bytesOf(words: Uint32Array): Buffer {
  const bytes = Buffer.alloc(words.length * 4);
  for (const [at, word] of words.entries()) bytes.writeUInt32LE(word, at * 4);
  return bytes;
}

/** Bytes that are no whole words have a length that no shares have. */
function wordsOf(bytes: Buffer): Uint32Array {
  const words = new Uint32Array(Math.floor(bytes.length / 4));
  for (let at = 0; at < words.length; at++) words[at] = bytes.readUInt32LE(at * 4);
  return words;
}
