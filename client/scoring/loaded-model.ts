import { readFile } from 'node:fs/promises';
import { FaultError, refuse, unwrap } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import { type Antibody, antibodyBytes, readAntibodies, readAntibody } from '../../proto/antibody.ts';
import { digestOf } from '../../proto/digest.ts';
import type { Digest } from '../../proto/ids.ts';
import { layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import { vaccinate } from '../antibodies/vaccinated-scorer.ts';
import { heldText } from '../antibodies/vaccination-text.ts';
import { ExampleBuffer } from '../learning/example-buffer.ts';
import { turn } from '../tracks/place-scores.ts';
import type { TrackKind, TrackScorer } from '../tracks/track-kind.ts';
import { importTrackKind } from '../tracks/track-kinds.ts';
import type { Holds, ScoringModel, ThreadFaultCode } from './score-protocol.ts';
import { type NormalScores, scoresByGroup, unlearntScores } from './thresholds/first-scores.ts';

type LoadedModel = Readonly<{
  scorer: TrackScorer<unknown>;
  normal: NormalScores;
  remarks: readonly string[];
  holds: Holds;
}>;

/**
 * Reads, checks, calibrates and warms a model with the antibodies that are in force at `atMs`. Its scores of the buffer's normal examples
 * and of the `recent` ones come back: they are what its thresholds start from. Throws a FaultError for bytes that are not the model's.
 */
export async function loadModel(model: ScoringModel, atMs: EpochMs, recent: readonly unknown[]): Promise<LoadedModel> {
  const kind = await importTrackKind(model.kindModule);
  const buffer = unwrap(ExampleBuffer.open(model.bufferPath, model.dataKey, kind.examples, model.bufferSizes));
  const examples = buffer.read(['reservoir', 'recent', 'hard']).examples;
  buffer.close();
  await turn();
  const { open, said, holds } = await opening(kind, model, atMs);
  const unlearnt = kind.meetsNormalInOrder ? [] : await unlearntScores(open, examples);
  const scorer = await open(examples);
  try {
    const normal = new Map([...(await scoresByGroup(scorer, [...examples, ...recent])), ...unlearnt]);
    return { scorer, normal, remarks: [...(scorer.remarks?.() ?? []), ...said], holds };
  } catch (error) {
    scorer.close();
    throw error;
  }
}

const always: Holds = { fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY };

type Open = (normal: readonly unknown[]) => Promise<TrackScorer<unknown>>;

/** Opens the model with the antibodies that the release brings along and operators keep, where the track has any. */
async function opening(
  kind: TrackKind,
  model: ScoringModel,
  atMs: EpochMs,
): Promise<Readonly<{ open: Open; said: readonly string[]; holds: Holds }>> {
  const alone: Open = (normal) => openScorer(kind, model, normal);
  const { antigens: antigensOf, scoreRange } = kind;
  if (antigensOf === undefined) return { open: alone, said: [], holds: always };
  const { usable, said, holds } = await antibodiesOf(model, atMs);
  const open: Open = async (normal) => (await vaccinate(alone, { antigensOf, scoreRange }, usable, normal)).scorer;
  return { open, said, holds };
}

/** What is tried on what is normal here, and what is to be said of the rest. */
async function antibodiesOf({ antibodies: file, heldAntibodies = [] }: ScoringModel, atMs: EpochMs) {
  const brought = file === undefined ? [] : unwrap(readAntibodies(await readFileOf(file.digest, file.path)));
  const held = new Map(heldAntibodies.map((one) => [one.digest, one]));
  const usable: Antibody[] = [];
  const said: string[] = [];
  const ends: EpochMs[] = [];
  for (const antibody of brought) {
    const pin = held.get(digestOf(antibodyBytes(antibody)));
    if (pin !== undefined) {
      held.delete(pin.digest);
      if (pin.path !== undefined) usable.push(antibody);
      said.push(heldText(pin, antibody));
    } else {
      ends.push(antibody.expiresAtMs);
      if (atMs < antibody.expiresAtMs) usable.push(antibody);
    }
  }
  for (const pin of held.values()) {
    const kept = pin.path === undefined ? undefined : unwrap(readAntibody(await readFileOf(pin.digest, pin.path)));
    if (kept !== undefined) usable.push(kept);
    said.push(heldText(pin, kept));
  }
  const [ended, ahead] = [ends.filter((endMs) => endMs <= atMs), ends.filter((endMs) => endMs > atMs)];
  if (ended.length > 0) said.push(`antibodies of this release that have expired and are passed over: ${ended.length}`);
  const holds = { fromMs: Math.max(always.fromMs, ...ended), untilMs: Math.min(always.untilMs, ...ahead) };
  return { usable, said, holds };
}

async function openScorer(kind: TrackKind, model: ScoringModel, normal: readonly unknown[]) {
  const { spec, light, scorerOptions } = model;
  if (light === undefined) return kind.openScorer(spec, await readWeights(model), normal, scorerOptions);
  if (kind.light === undefined) {
    throw fault('MODEL_UNUSABLE', `${spec.architecture} has no light form; set agent.inference to weights`);
  }
  return kind.light.openScorer(spec, await readFileOf(light.digest, light.path), normal, scorerOptions);
}

async function readWeights({ spec, digest, weightsPath }: ScoringModel): Promise<Float32Array> {
  const bytes = await readFileOf(digest, weightsPath);
  const weights = unwrap(valuesOfBytes(layoutOf(spec), bytes));
  const broken = weights.findIndex((value) => !Number.isFinite(value));
  if (broken >= 0) throw fault('MODEL_NOT_FINITE', `weight ${broken} of ${digest} is not finite; it can judge nothing`);
  return weights;
}

/** The bytes that the digest says: the file may have been altered since it was fetched. */
async function readFileOf(digest: Digest, path: string): Promise<Buffer> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw fault('MODEL_UNREADABLE', `the file of ${digest} cannot be read (${error.code}); it will be fetched again`);
  });
  if (digestOf(bytes) === digest) return bytes;
  throw fault('MODEL_DIGEST_MISMATCH', `the file of ${digest} holds other bytes; it will be fetched again`);
}

function fault(code: ThreadFaultCode, message: string): FaultError<ThreadFaultCode> {
  return new FaultError(refuse(code, message).fault);
}
