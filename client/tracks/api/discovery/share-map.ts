import { boundedMap, type SharedMap } from '../../shared-map.ts';
import type { ApiExample } from '../example.ts';
import { ApiMap } from './api-map.ts';

/** As much of the map as leaves a cluster that shares it; undefined where no request was seen. */
export function sharedMapOf(examples: readonly Pick<ApiExample, 'atS' | 'calls'>[]): SharedMap | undefined {
  const map = new ApiMap();
  for (const { atS, calls } of examples) for (const call of calls) map.add(call, atS * 1_000);
  const { workloads, edges, templates, fromMs, untilMs, newSinceMs, beyond } = map.mapping();
  if (workloads.length === 0) return undefined;
  const bounded = boundedMap({
    ...{ fromMs, untilMs, newSinceMs: Math.round(newSinceMs) },
    services: workloads.map(({ name, requests, isNew }) => ({ name, requests, isNew })),
    edges: edges.map(({ from, to, requests, isNew }) => ({ from, to, requests, isNew })),
    templates: templates.map(({ service, method, template, requests, callers, isOpen, isOpenAmongClosed, isNew }) => {
      return { service, method, template, requests, callers, isOpen, isOpenAmongClosed, isNew };
    }),
  });
  return { ...bounded, leftOff: bounded.leftOff + beyond.workloads + beyond.edges + beyond.templates };
}
