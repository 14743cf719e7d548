import { z } from 'zod';

const probe = z.record(z.string(), z.unknown()).optional();
const container = z.object({ name: z.string().default(''), livenessProbe: probe, startupProbe: probe });
const pod = z.object({ spec: z.object({ containers: z.array(container) }) });

/** Handlers that the kubelet asks over the network; `exec` runs inside the container. */
const overNetwork = ['httpGet', 'tcpSocket', 'grpc'];

/**
 * What isolation may cost of a pod's state, for people: a liveness probe over the network fails where the CNI cuts the node
 * off too, and then the kubelet starts the container anew. `candidate`: a pod as the API server gives it.
 */
export function networkProbesOf(candidate: unknown): string[] {
  const parsed = pod.safeParse(candidate);
  if (!parsed.success) return [];
  return parsed.data.spec.containers.flatMap(({ name, livenessProbe, startupProbe }) =>
    Object.entries({ livenessProbe, startupProbe }).flatMap(([kind, handler]) => {
      const by = overNetwork.find((one) => handler?.[one] !== undefined);
      return by === undefined
        ? []
        : [
            `container ${name}: its ${kind} (${by}) needs the network: once isolated it may be started anew, and lose its state`,
          ];
    }),
  );
}
