import type { Digest } from '../../../proto/ids.ts';
import type { State } from './state.ts';

/**
 * The blobs without which a coordinator cannot go on with this state, each with what it is for people. Sealed updates are left out: they
 * go with their round, maybe while somebody looks; and what is signed anew at every start.
 */
export function lastingBlobs({ tracks, metadata }: State): ReadonlyMap<Digest, string> {
  const named = new Map<Digest, string>();
  const name = (digest: Digest | null | undefined, what: string) => digest && named.set(digest, what);
  for (const { digest, version } of metadata.roots) name(digest, `root ${version}`);
  name(metadata.pins?.digest, 'the pins in force');
  for (const { track, models, headVersion, samples, antibodies, releasing } of tracks.values()) {
    const head = models[headVersion];
    name(head?.digest, `${track}@${headVersion}, which rounds go on from`);
    name(head?.optimiserState, `the optimiser's moments of ${track}@${headVersion}`);
    name(samples.at(-1)?.digest, `the trusted sample of ${track}`);
    for (const { digest, family, revoked } of antibodies)
      if (revoked === null) name(digest, `an antibody of ${track} (${family})`);
    for (const { version, manifest, manifestDigest, retired } of releasing.releases) {
      if (retired) continue;
      name(manifestDigest, `the manifest of ${track}@${version}`);
      for (const file of manifest.files) name(file.digest, `${file.name} of ${track}@${version}`);
    }
  }
  return named;
}
