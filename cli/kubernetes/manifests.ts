import { InvalidArgumentError } from '@commander-js/extra-typings';
import { stringify } from 'yaml';

type Manifest = Readonly<{ apiVersion: string; kind: string; metadata: object }>;

/** Kubernetes objects as one file that `kubectl apply -f` takes. */
export function manifests(objects: readonly Manifest[]): string {
  return objects.map((object) => stringify(object)).join('---\n');
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

export function secret(
  namespace: string,
  name: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Manifest {
  const metadata = { name, namespace, labels: { 'app.kubernetes.io/part-of': 'testudo' } };
  const base64 = Object.entries(files).map(([key, content]) => [key, Buffer.from(content).toString('base64')]);
  return { apiVersion: 'v1', kind: 'Secret', metadata, ...{ type: 'Opaque', data: Object.fromEntries(base64) } };
}

/** A namespace as it is typed: it goes into manifests and into lines to type. Throws commander's error where it is none. */
export function namespaceFrom(text: string): string {
  if (/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError(
    'Kubernetes takes 1 to 63 of a-z, 0-9 and "-", beginning and ending with a letter or digit.',
  );
}
