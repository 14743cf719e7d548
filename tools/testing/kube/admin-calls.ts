import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import type { ControlPlaneAddress } from './control-plane.ts';

/** An object as manifests hold it. */
export type KubeObject = Readonly<{
  apiVersion: string;
  kind: string;
  [more: string]: unknown;
  metadata: Readonly<{ name?: string; namespace?: string; [more: string]: unknown }>;
}>;

/** What somebody looks for: one object by its name, or all of a kind. */
export type Look = Readonly<{
  kind: string;
  name?: string | undefined;
  namespace: string;
  selector?: string | undefined;
}>;

/** A kind that the API server serves. `path` begins with its group; `names`: all by which one may ask for it. */
type Resource = Readonly<{ path: string; apiVersion: string; kind: string; isNamespaced: boolean; names: Set<string> }>;

/** Of the API server's aggregated discovery, `apidiscovery.k8s.io/v2`. */
type Discovery = Readonly<{
  items: readonly Readonly<{
    metadata?: Readonly<{ name?: string }>;
    versions: readonly Readonly<{
      version: string;
      resources?: readonly Readonly<{
        resource: string;
        responseKind: Readonly<{ kind: string }>;
        scope: 'Cluster' | 'Namespaced';
        singularResource: string;
        shortNames?: readonly string[];
      }>[];
    }>[];
  }>[];
}>;

const discovery = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/**
 * The cluster's admin, who looks and makes objects without kubectl: a process of a tenth of a second for each look was a quarter of
 * what the tests on a control plane cost, beside what the API server had to tell each one anew.
 */
export class AdminCalls {
  readonly #address: ControlPlaneAddress;
  readonly #agent = new Agent({ keepAlive: true });
  #resources: Promise<readonly Resource[]> | undefined;
  #identity: Promise<readonly Buffer[]> | undefined;

  constructor(address: ControlPlaneAddress) {
    this.#address = address;
  }

  /** As `kubectl get … -o json` prints it; undefined where the server knew no such kind when it was first asked. */
  async get({ kind, name, namespace, selector }: Look): Promise<unknown> {
    const wanted = kind.toLowerCase();
    const resource = (await this.#known()).find(({ names }) => names.has(wanted));
    if (resource === undefined) return undefined;
    const query = selector === undefined ? '' : `?labelSelector=${encodeURIComponent(selector)}`;
    return await this.#ask('GET', `${placeOf(resource, namespace)}${name === undefined ? '' : `/${name}`}${query}`);
  }

  /** Makes them one after the other, as `kubectl create` does: a field that the server does not know is refused. */
  async create(objects: readonly KubeObject[]): Promise<void> {
    for (const object of objects) {
      const { apiVersion, kind, metadata } = object;
      const resource = (await this.#known()).find((known) => known.kind === kind && known.apiVersion === apiVersion);
      if (resource === undefined) throw new Error(`the API server serves no ${kind} of ${apiVersion}`);
      await this.#ask('POST', `${placeOf(resource, metadata.namespace ?? 'default')}?fieldValidation=Strict`, object);
    }
  }

  /** It goes when what is in it has gone; nobody waits for that. */
  async deleteNamespace(name: string): Promise<void> {
    await this.#ask('DELETE', `/api/v1/namespaces/${name}`);
  }

  #known(): Promise<readonly Resource[]> {
    this.#resources ??= Promise.all(['/api', '/apis'].map((path) => this.#ask('GET', path))).then((all) =>
      all.flatMap((one) => resourcesOf(one as Discovery)),
    );
    return this.#resources;
  }

  /** Throws what the server says where it refuses. */
  async #ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown> {
    this.#identity ??= Promise.all(
      ['ca.crt', 'admin.crt', 'admin.key'].map((name) => readFile(join(this.#address.folder, 'pki', name))),
    );
    const [ca, cert, key] = await this.#identity;
    const headers = { accept: `${discovery},application/json`, 'content-type': 'application/json' };
    // A kept connection may have ended as a question goes out on it. What changes something is not asked twice, so it has its own.
    const agent = method === 'GET' ? this.#agent : false;
    const tried = async (): Promise<unknown> => {
      const options = { method, ca, cert, key, headers, agent };
      const asked = request(new URL(path, this.#address.url), options as never);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
      try {
        const [answer] = (await once(asked, 'response')) as [IncomingMessage];
        const text = Buffer.concat(await answer.toArray()).toString('utf8');
        const { statusCode: status = 0 } = answer;
        if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text}`);
        return JSON.parse(text);
      } catch (error) {
        if (asked.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET') return await tried();
        throw error;
      }
    };
    return await tried();
  }
}

function placeOf({ path, isNamespaced, names }: Resource, namespace: string): string {
  const [plural = ''] = names;
  return `${path}${isNamespaced ? `/namespaces/${namespace}` : ''}/${plural}`;
}

/** Each group's preferred version comes first. */
function resourcesOf({ items }: Discovery): Resource[] {
  return items.flatMap(({ metadata, versions }) =>
    versions.flatMap(({ version, resources = [] }) =>
      resources.map(({ resource, responseKind, scope, singularResource, shortNames = [] }) => {
        const group = metadata?.name ?? '';
        const apiVersion = group === '' ? version : `${group}/${version}`;
        return {
          path: group === '' ? `/api/${version}` : `/apis/${apiVersion}`,
          apiVersion,
          kind: responseKind.kind,
          isNamespaced: scope === 'Namespaced',
          names: new Set([resource, singularResource, ...shortNames]),
        };
      }),
    ),
  );
}
