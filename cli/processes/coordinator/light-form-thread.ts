/** Writes one light form and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { unwrap } from '../../../base/fault.ts';
import { builtInKinds, importTrackKind, moduleOfKind } from '../../../client/tracks/track-kinds.ts';
import { layoutOf, valuesOfBytes } from '../../../proto/layout.ts';
import type { LightFormAnswer, LightFormRequest } from './light-form.ts';

const { spec, weights } = workerData as LightFormRequest;

async function write(): Promise<Uint8Array | undefined> {
  for (const folder of builtInKinds()) {
    const module = moduleOfKind(folder);
    const kind = module === undefined ? undefined : await importTrackKind(module);
    if (kind?.architectures.includes(spec.architecture) !== true) continue;
    return kind.light?.write(spec, unwrap(valuesOfBytes(layoutOf(spec), weights)));
  }
  return undefined;
}

const light = await write();
parentPort?.postMessage({ light } satisfies LightFormAnswer);
