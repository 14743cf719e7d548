/** The flow track: who talks to whom. An observation is a window of the service graph, a place one of its edges. */
import type { TrackKind } from '../track-kind.ts';
import { flowArchitectures, openFlowLearner, openFlowScorer } from './architectures.ts';
import { edgeRates } from './edge-rates.ts';
import { keepEdges, windowCodec } from './flow-example.ts';
import { FlowIntake } from './flow-intake.ts';
import type { NamedSlice } from './graph/slice.ts';

export const trackKind: TrackKind<NamedSlice, NamedSlice> = {
  architectures: flowArchitectures,
  examples: windowCodec,
  watches: 'flows',
  openIntake: (surroundings) => new FlowIntake(surroundings),
  exampleOf: (window) => window,

  withoutPlaces(window, places) {
    const alarmed = new Set(places);
    const rest = keepEdges(window, (edge) => !alarmed.has(edge));
    return rest.slice.edgeCount === 0 ? undefined : rest;
  },

  onlyPlace: (window, place) => keepEdges(window, (edge) => edge === place),

  subjectOf(window, place) {
    const { namespace, workload } = clientOf(window, place);
    return { namespace, workload, workloadClass: workload, pod: '' };
  },

  ratesOf: edgeRates,

  describe(window, place) {
    const client = clientOf(window, place);
    const server = window.names.nodes[window.slice.servers[place] as number];
    const { protocol, port, count, firstMs, lastMs, routes, refused, audited, redirected, reasons } = window.names
      .edges[place] as NamedSlice['names']['edges'][number];
    return {
      identity: JSON.stringify([client, server, protocol, port, window.slice.endMs]),
      firstMs,
      lastMs,
      detail: {
        client,
        server,
        protocol,
        port,
        flows: count,
        routes,
        ...(refused !== undefined && { refused }),
        ...(audited !== undefined && { audited }),
        ...(redirected !== undefined && { redirected }),
        ...(reasons !== undefined && { reasons }),
      },
    };
  },

  openLearner: (spec, base) => openFlowLearner(spec, base),
  openScorer: openFlowScorer,
  offline: async () => (await import('./offline/verbs.ts')).flowOffline,
};

function clientOf({ slice, names }: NamedSlice, edge: number): NamedSlice['names']['nodes'][number] {
  return names.nodes[slice.clients[edge] as number] as NamedSlice['names']['nodes'][number];
}
