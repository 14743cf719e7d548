import type { TrackId } from '../../../proto/ids.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import type { Model, Round, Track } from '../../ledger/state/state.ts';
import { readProvenance } from '../participation.ts';
import { type ModelStep, type Progress, progressOf } from './progress-verdict.ts';

export type ProgressView = Progress & Readonly<{ track: TrackId; steps: readonly ModelStep[] }>;

type Measured = Pick<ModelStep, 'norm' | 'relative' | 'cosine'>;
/** From one model to the next, and the square of its length. */
type Step = Readonly<{ values: Float32Array; squared: number }>;

const stepsMax = 8;
const modelBytesMax = 64 << 20;
/** Between them other work may be done. */
const valuesAtOnce = 1 << 18;
const unmeasured: Measured = { norm: null, relative: null, cosine: null };
/** By the list of a track's models, of which each version makes another: open pages ask again with every entry of the journal. */
const measuredBy = new WeakMap<readonly Model[], ReturnType<typeof measureSteps>>();

/** Whether a track's training gets anywhere: its last versions, oldest first, and that in a sentence. */
export async function progressView(track: Track, blobs: Pick<BlobStore, 'get'>): Promise<ProgressView> {
  const { models, rounds } = track;
  const measured = await measuredOnce(track, blobs);
  const steps: ModelStep[] = [];
  for (let version = firstOf(models); version < models.length; version++) {
    const made = (models[version] as Model).round;
    const round = made === null ? undefined : rounds.get(made);
    steps.push({
      version,
      round: made,
      ...(measured[steps.length] ?? unmeasured),
      keptShare: round === undefined ? null : await keptShareOf(round, blobs),
      sameAs: sameAs(models, version),
    });
  }
  return { track: track.track, ...progressOf(steps), steps };
}

function firstOf(models: readonly Model[]): number {
  return Math.max(1, models.length - stepsMax);
}

function measuredOnce(track: Track, blobs: Pick<BlobStore, 'get'>): ReturnType<typeof measureSteps> {
  const known = measuredBy.get(track.models);
  if (known !== undefined) return known;
  const measuring = measureSteps(track, blobs);
  measuredBy.set(track.models, measuring);
  // What could not be read may be there the next time.
  const forget = () => measuredBy.delete(track.models);
  measuring.then((all) => all.includes(undefined) && forget(), forget);
  return measuring;
}

/** Of the last versions; undefined where a model could not be read. */
async function measureSteps(track: Track, blobs: Pick<BlobStore, 'get'>): Promise<readonly (Measured | undefined)[]> {
  const { models, rounds } = track;
  const measured: (Measured | undefined)[] = [];
  let before: Step | undefined;
  let newest: Readonly<{ version: number; values: Float32Array | undefined }> | undefined;
  for (let version = firstOf(models); version < models.length; version++) {
    const made = (models[version] as Model).round;
    const round = made === null ? undefined : rounds.get(made);
    const baseVersion = round !== undefined && 'base' in round.phase ? round.phase.base.version : version - 1;
    // Mostly the version before, which has just been read.
    const base = baseVersion === newest?.version ? newest.values : await valuesOf(track, baseVersion, blobs);
    newest = { version, values: await valuesOf(track, version, blobs) };
    const step = base && newest.values && (await stepBetween(newest.values, base));
    measured.push(step && base && (await measure(step, base, before)));
    before = step;
  }
  return measured;
}

async function valuesOf(
  { models, modelBytes }: Track,
  version: number,
  blobs: Pick<BlobStore, 'get'>,
): Promise<Float32Array | undefined> {
  const model = models[version];
  if (model === undefined || modelBytes > modelBytesMax) return undefined;
  const stored = await blobs.get(model.digest);
  if (!stored.ok) return undefined;
  const bytes = stored.value.slice(); // Aligned.
  return new Float32Array(bytes.buffer, 0, bytes.byteLength >> 2);
}

async function stepBetween(now: Float32Array, base: Float32Array): Promise<Step | undefined> {
  if (now.length !== base.length) return undefined;
  const values = now.map((value, at) => value - (base[at] as number));
  return { values, squared: await dot(values, values) };
}

async function measure({ values, squared }: Step, base: Float32Array, before: Step | undefined): Promise<Measured> {
  const ofBase = await dot(base, base);
  const along = before === undefined ? 0 : await dot(values, before.values);
  const lengths = Math.sqrt(squared * (before?.squared ?? 0));
  return {
    norm: Math.sqrt(squared),
    relative: ofBase === 0 ? null : Math.sqrt(squared / ofBase),
    cosine: lengths === 0 ? null : along / lengths,
  };
}

async function dot(a: Float32Array, b: Float32Array): Promise<number> {
  let sum = 0;
  for (let from = 0; from < a.length; from += valuesAtOnce) {
    const end = Math.min(a.length, from + valuesAtOnce);
    for (let at = from; at < end; at++) sum += (a[at] as number) * (b[at] as number);
    if (end < a.length) await new Promise((done) => setImmediate(done));
  }
  return sum;
}

async function keptShareOf(round: Round, blobs: Pick<BlobStore, 'get'>): Promise<number | null> {
  const { fates } = await readProvenance(blobs, round);
  if (fates.size === 0) return null;
  return [...fates.values()].filter(({ verdict }) => verdict === 'selected').length / fates.size;
}

function sameAs(models: readonly Model[], version: number): number | null {
  const digest = models[version]?.digest;
  const found = models.slice(0, version).findLastIndex((model) => model.digest === digest);
  return found === -1 ? null : found;
}
