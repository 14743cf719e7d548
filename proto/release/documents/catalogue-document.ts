import type { z } from 'zod';
import { ok } from '../../../base/fault.ts';
import type { Digest } from '../../ids.ts';
import type { Catalogue, ReleaseTarget } from './catalogue.ts';
import { decodeDocument, headOf } from './document.ts';
import { parseManifestPath } from './names.ts';
import { catalogueShape } from './shapes.ts';

export function decodeCatalogue(bytes: Uint8Array) {
  const decoded = decodeDocument('targets', catalogueShape, bytes);
  if (!decoded.ok) return decoded;
  const { content, signed } = decoded.value;
  const head = headOf(content);
  const catalogue: Catalogue = {
    version: head.version,
    expiresAtMs: head.expiresAtMs,
    tracks: content.releases.tracks,
    assignments: content.releases.assignments,
    releases: releasesOf(content.targets),
  };
  return ok({ head, signed, catalogue });
}

function releasesOf(targets: z.output<typeof catalogueShape>['targets']): readonly ReleaseTarget[] {
  return Object.entries(targets)
    .map(([path, { length, hashes }]) => ({
      // The shape let only such paths through.
      ...(parseManifestPath(path) as NonNullable<ReturnType<typeof parseManifestPath>>),
      manifest: { digest: `sha256:${hashes.sha256}` as Digest, bytes: length },
    }))
    .sort((a, b) => (a.track === b.track ? a.version - b.version : a.track < b.track ? -1 : 1));
}
