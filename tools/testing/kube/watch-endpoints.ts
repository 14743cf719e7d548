import { systemTimers } from '../../../base/system-timers.ts';
import { KubeEndpoint } from '../../../client/kube/endpoint.ts';
import { Reflector } from '../../../client/kube/reflector.ts';
import { readinessOf } from '../../../client/kube/server-readiness.ts';

type Access = ConstructorParameters<typeof KubeEndpoint>[0];
type Slice = Readonly<{ uid: string; name: string; labels: Record<string, string>; ready: number }>;

/** How many endpoints of each Service of a namespace were ready, at the least, on every event of the watch. */
export class EndpointWatch {
  readonly synced: Promise<void>;
  readonly #endpoint: KubeEndpoint;
  readonly #reflector: Reflector<Slice>;
  readonly #slices = new Map<string, Slice>();
  readonly #floors = new Map<string, number>();
  readonly #least = new Map<string, number>();
  samples = 0;

  constructor(access: Access, namespace: string) {
    this.#endpoint = new KubeEndpoint(access);
    const unit = () => 0.02;
    const heard = (change: () => void) => {
      change();
      this.#sample();
    };
    this.#reflector = new Reflector<Slice>(
      { path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices` },
      {
        endpoint: this.#endpoint,
        readiness: readinessOf(this.#endpoint, systemTimers, unit),
        timers: systemTimers,
        unit,
        project,
        onAll: (all) =>
          heard(() => {
            // What is not in it is gone, and nobody tells of it otherwise.
            this.#slices.clear();
            for (const slice of all) this.#slices.set(slice.uid, slice);
          }),
        onPut: (slice) => heard(() => this.#slices.set(slice.uid, slice)),
        onGone: (slice) => heard(() => this.#slices.delete(slice.uid)),
        onEnded: () => undefined,
      },
    );
    this.synced = this.#reflector.synced;
  }

  /** From now on it is held that so many are ready. */
  hold(service: string, floor: number): void {
    this.#floors.set(service, floor);
    this.#least.delete(service);
    this.samples = 0;
  }

  ready(service: string): number {
    const of = [...this.#slices.values()].filter(({ labels }) => labels['kubernetes.io/service-name'] === service);
    return of.reduce((sum, { ready }) => sum + ready, 0);
  }

  /** The fewest that were seen ready since `hold`. */
  least(service: string): number {
    return this.#least.get(service) ?? this.ready(service);
  }

  async close(): Promise<void> {
    await this.#reflector.stop();
    this.#endpoint.close();
  }

  #sample(): void {
    this.samples += 1;
    for (const service of this.#floors.keys()) {
      this.#least.set(service, Math.min(this.#least.get(service) ?? Number.POSITIVE_INFINITY, this.ready(service)));
    }
  }
}

function project(object: unknown): Slice | undefined {
  type Raw = {
    metadata: { uid: string; name: string; labels?: Record<string, string> };
    endpoints?: { conditions?: { ready?: boolean } }[] | null;
  };
  const { metadata, endpoints } = object as Raw;
  const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).length;
  return { uid: metadata.uid, name: metadata.name, labels: metadata.labels ?? {}, ready };
}
