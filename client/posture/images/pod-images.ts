import type { SignedLayout } from './signed-layout.ts';

/** `unknown`: nothing that was looked in holds it, or nobody knows which digest runs. It is never taken for signed. */
export type ImageVerdict = 'signed' | 'unsigned' | 'unknown';

type Named = Readonly<{ name: string; image: string }>;
type Pulled = Readonly<{ name: string; imageID: string }>;

/** What of a pod says which images it runs. */
export type Images = Readonly<{
  spec: Readonly<{ containers: readonly Named[]; initContainers: readonly Named[] }>;
  status: Readonly<{ containerStatuses: readonly Pulled[]; initContainerStatuses: readonly Pulled[] }>;
}>;

/** `digest`: of the manifest, or of the index of several platforms, that the pod names or its node says it pulled. */
export type PodImage = Readonly<{ container: string; image: string; digest: string | undefined }>;

/** The images of all containers of a pod; a digest in its spec counts before what the node says. */
export function imagesOf({ spec, status }: Images): readonly PodImage[] {
  const pulled = [...status.initContainerStatuses, ...status.containerStatuses];
  return [...spec.initContainers, ...spec.containers].map(({ name, image }) => {
    const imageId = pulled.find((one) => one.name === name)?.imageID ?? '';
    return { container: name, image, digest: digestIn(image) ?? digestIn(imageId) };
  });
}

/** What several layouts together say of a digest. */
export function verdictOf(digest: string | undefined, layouts: readonly SignedLayout[]): ImageVerdict {
  if (digest === undefined) return 'unknown';
  if (layouts.some(({ signed }) => signed.has(digest))) return 'signed';
  return layouts.some(({ held }) => held.has(digest)) ? 'unsigned' : 'unknown';
}

/** Of "NAME@sha256:…"; a bare "sha256:…", as some runtimes write, is the digest of a configuration and names no manifest. */
function digestIn(reference: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(reference)?.[1];
}
