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
