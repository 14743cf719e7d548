import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ModelSpec } from '../../../proto/model-spec.ts';

/** What the thread is given, and answers with: nothing for an architecture without a light form. */
export type LightFormRequest = Readonly<{ spec: ModelSpec; weights: Uint8Array }>;
export type LightFormAnswer = Readonly<{ light: Uint8Array | undefined }>;

const program = new URL(import.meta.url.replace(/light-form\.(ts|js)$/, 'light-form-thread.$1'));

/** Architectures that turned out to have none: no thread is started to learn it again. */
const without = new Set<string>();

/**
 * Writes a model's light form (8-bit ONNX) in a thread of its own: the coordinator may not know detectors, and its event
 * loop has better things to do. weights: little-endian float32. Rejects where the weights are not the spec's.
 */
export async function writeLightForm(spec: ModelSpec, weights: Uint8Array): Promise<Uint8Array | undefined> {
  if (without.has(spec.architecture)) return undefined;
  const worker = new Worker(program, { workerData: { spec, weights } satisfies LightFormRequest });
  try {
    const [answer] = (await once(worker, 'message')) as [LightFormAnswer]; // An error event rejects.
    if (answer.light === undefined) without.add(spec.architecture);
    return answer.light;
  } finally {
    await worker.terminate();
  }
}
