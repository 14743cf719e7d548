/** Writes one light form and ends. */
import { unwrap } from '../../../base/fault.ts';
import { serveThread } from '../../../base/thread-link.ts';
import { builtInKinds, importTrackKind, moduleOfKind } from '../../../client/tracks/track-kinds.ts';
import { layoutOf, valuesOfBytes } from '../../../proto/layout.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';

/** What the thread is asked. It answers with the light form, or with nothing for an architecture without one. */
export type LightFormRequest = Readonly<{ spec: ModelSpec; weights: Uint8Array }>;

async function write({ spec, weights }: LightFormRequest): Promise<Uint8Array | undefined> {
  for (const folder of builtInKinds()) {
    const module = moduleOfKind(folder);
    const kind = module === undefined ? undefined : await importTrackKind(module);
    if (kind?.architectures.includes(spec.architecture) !== true) continue;
    return kind.light?.write(spec, unwrap(valuesOfBytes(layoutOf(spec), weights)));
  }
  return undefined;
}

serveThread(write);
