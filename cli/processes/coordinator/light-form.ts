import { startThread } from '../../../base/thread-link.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { LightFormRequest } from './light-form-thread.ts';

/** Architectures that turned out to have none: no thread is started to learn it again. */
const without = new Set<string>();

/**
 * Writes a model's light form (8-bit ONNX) in a thread of its own: the coordinator may not know detectors, and its event
 * loop has better things to do. weights: little-endian float32. Rejects where the weights are not the spec's.
 */
export async function writeLightForm(spec: ModelSpec, weights: Uint8Array): Promise<Uint8Array | undefined> {
  if (without.has(spec.architecture)) return undefined;
  const thread = startThread<LightFormRequest>(new URL('./light-form-thread.ts', import.meta.url));
  try {
    const light = await thread.ask<Uint8Array | undefined>({ spec, weights });
    if (light === undefined) without.add(spec.architecture);
    return light;
  } finally {
    await thread.close();
  }
}
