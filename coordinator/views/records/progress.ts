import type { TrackId } from '../../../proto/ids.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import type { Model, Round, Track } from '../../ledger/state/state.ts';
import { readProvenance } from '../participation.ts';
import { type ModelStep, type Progress, progressOf } from './progress-verdict.ts';

export type ProgressView = Progress & Readonly<{ track: TrackId; steps: readonly ModelStep[] }>;

const stepsMax = 8;
const modelBytesMax = 64 << 20;
/** Between them other work may be done. */
const valuesAtOnce = 1 << 18;

/** Whether a track's training gets anywhere: its last versions, oldest first, and that in a sentence. */
export async function progressView(track: Track, blobs: Pick<BlobStore, 'get'>): Promise<ProgressView> {
  const { models, rounds } = track;
  const first = Math.max(1, models.length - stepsMax);
  const steps: ModelStep[] = [];
  let before: Float32Array | undefined;
  for (let version = first; version < models.length; version++) {
    const model = models[version] as Model;
    const round = model.round === null ? undefined : rounds.get(model.round);
    const baseVersion = round !== undefined && 'base' in round.phase ? round.phase.base.version : version - 1;
    const [now, base] = [await valuesOf(track, version, blobs), await valuesOf(track, baseVersion, blobs)];
    const step = now && base && differenceOf(now, base);
    const measured = step === undefined ? undefined : await measure(step, base as Float32Array, before);
    before = step;
    steps.push({
      version,
      round: model.round,
      ...(measured ?? { norm: null, relative: null, cosine: null }),
      keptShare: round === undefined ? null : await keptShareOf(round, blobs),
      sameAs: sameAs(models, version),
    });
  }
  return { track: track.track, ...progressOf(steps), steps };
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

function differenceOf(now: Float32Array, base: Float32Array): Float32Array | undefined {
  if (now.length !== base.length) return undefined;
  return now.map((value, at) => value - (base[at] as number));
}

async function measure(
  step: Float32Array,
  base: Float32Array,
  before: Float32Array | undefined,
): Promise<Pick<ModelStep, 'norm' | 'relative' | 'cosine'>> {
  const squared = await dot(step, step);
  const [ofBase, ofBefore] = [await dot(base, base), before === undefined ? 0 : await dot(before, before)];
  const along = before === undefined ? 0 : await dot(step, before);
  const lengths = Math.sqrt(squared * ofBefore);
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
