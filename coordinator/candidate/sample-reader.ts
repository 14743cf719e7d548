import type { TrustedSample } from '../../aggregation/trusted/trusted-loss.ts';
import { type Result, refuse } from '../../base/fault.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';

/** A sample, read for one model. Holds what its detector holds until `close()`. */
export type ReadSample = TrustedSample & Readonly<{ close(): void }>;

/**
 * What a module for samples exports. The coordinator imports no detector, so whoever starts it, or a worker, names the
 * module by URL. Deterministic to the bit: provenance depends on it. base: shape [d], left alive.
 */
export type SampleReader = Readonly<{
  readSample(spec: ModelSpec, sample: Uint8Array, base: Float32Array): Promise<Result<ReadSample, 'SAMPLE_UNREADABLE'>>;
}>;

/** The module itself, in the thread where jobs run. */
export async function loadSampleReader(url: string | undefined): Promise<Result<SampleReader, 'WORKER_LOST'>> {
  if (url === undefined) {
    const why = 'this worker was started without what reads trusted samples';
    return refuse('WORKER_LOST', `${why}; run it with \`testudo worker\` or \`testudo coordinator\``);
  }
  return { ok: true, value: (await import(url)) as SampleReader };
}
