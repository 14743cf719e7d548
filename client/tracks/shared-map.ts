import { sharedMapLimits } from '../../proto/wire-names.ts';

/**
 * Who talks to whom about what, as much of it as a cluster lets out: names of services and templates of routes, with counts. No value, no
 * caller's identity, no time of a single request.
 */
export type SharedMap = Readonly<{
  fromMs: number;
  untilMs: number;
  /** What was first seen from here on is new. */
  newSinceMs: number;
  services: readonly Readonly<{ name: string; requests: number; isNew: boolean }>[];
  edges: readonly Readonly<{ from: string; to: string; requests: number; isNew: boolean }>[];
  templates: readonly SharedTemplate[];
  /** Services, edges and templates that there was no room for. */
  leftOff: number;
}>;

export type SharedTemplate = Readonly<{
  service: string;
  method: string;
  template: string;
  requests: number;
  callers: number;
  /** Answers most who show nothing of who they are. */
  isOpen: boolean;
  /** … and most others of its service do not. */
  isOpenAmongClosed: boolean;
  isNew: boolean;
}>;

/** The most telling of each: what is open among closed, then what is new, then what is asked most; ties by name. */
export function boundedMap(whole: Omit<SharedMap, 'leftOff'>): SharedMap {
  const { nameCharacters: max } = sharedMapLimits;
  const kept = <Row extends Readonly<{ requests: number; isNew: boolean }>>(
    rows: readonly Row[],
    count: number,
    nameOf: (row: Row) => string,
    isFirst: (row: Row) => boolean = () => false,
  ) =>
    rows
      .toSorted(
        (a, b) =>
          Number(isFirst(b)) - Number(isFirst(a)) ||
          Number(b.isNew) - Number(a.isNew) ||
          b.requests - a.requests ||
          (nameOf(a) < nameOf(b) ? -1 : 1),
      )
      .slice(0, count);
  const short = (text: string) => (text.length <= max ? text : `${text.slice(0, max - 1)}…`);
  const services = kept(whole.services, sharedMapLimits.services, ({ name }) => name);
  const edges = kept(whole.edges, sharedMapLimits.edges, ({ from, to }) => `${from} ${to}`);
  const templates = kept(
    whole.templates,
    sharedMapLimits.templates,
    ({ service, method, template }) => `${service} ${method} ${template}`,
    ({ isOpenAmongClosed }) => isOpenAmongClosed,
  );
  const all = whole.services.length + whole.edges.length + whole.templates.length;
  return {
    ...whole,
    services: services.map((one) => ({ ...one, name: short(one.name) })),
    edges: edges.map((one) => ({ ...one, from: short(one.from), to: short(one.to) })),
    templates: templates.map((one) => ({
      ...one,
      service: short(one.service),
      method: short(one.method),
      template: short(one.template),
    })),
    leftOff: all - services.length - edges.length - templates.length,
  };
}
