/** Writes one light form and ends. */
import { unwrap } from '../../../base/fault.ts';
import { serveThread } from '../../../base/thread-link.ts';
import { builtInKinds, importTrackKind, moduleOfKind } from '../../../client/tracks/track-kinds.ts';
import { layoutOf, valuesOfBytes } from '../../../proto/layout.ts';
import type { LightFormRequest } from './light-form.ts';

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
