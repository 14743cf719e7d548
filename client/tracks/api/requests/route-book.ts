/** Words under one node before they are taken for names of things. */
const wordsMax = 24;
const nodesMax = 50_000;
/** The status of what is not there. */
export const notFound = 404;
/** Templates that are remembered of a service. */
const foundMax = 2_048;

type Node = { children: Map<string, Node>; folded: Node | undefined };

/**
 * Templates learnt by service: where a segment takes many words, it is a name ("/posts/{}") and not a place. What looks like an
 * id is folded before it comes here. Bounded: beyond `nodesMax` words no new ones are told apart. Where nothing is (404) is no
 * place either: who looks for what others run would else make a name of every place.
 */
export class RouteBook {
  readonly #services = new Map<string, Node>();
  /** Templates that were looked up since something was learnt, by service and route. */
  readonly #found = new Map<string, Map<string, string>>();
  #nodes = 0;

  learn({ server, route, status }: Readonly<{ server: string; route: string; status: number }>): void {
    if (status === notFound) return;
    this.#found.delete(server);
    let node = this.#services.get(server);
    if (node === undefined) {
      if (this.#nodes >= nodesMax) return;
      node = this.#node();
      this.#services.set(server, node);
    }
    for (const segment of route.split('/').slice(1)) {
      if (node.folded !== undefined) {
        node = node.folded;
        continue;
      }
      let child: Node | undefined = node.children.get(segment);
      if (child === undefined) {
        if (this.#nodes >= nodesMax) return;
        child = this.#node();
        node.children.set(segment, child);
        if (node.children.size > wordsMax) {
          node.folded = merged([...node.children.values()]);
          node.children = new Map();
          child = node.folded;
        }
      }
      node = child;
    }
  }

  /** Templates of calls, in their order. */
  templatesOf(calls: readonly Readonly<{ server: string; route: string }>[]): string[] {
    return calls.map(({ server, route }) => this.templateOf(server, route));
  }

  /** The template that a route belongs to. */
  templateOf(server: string, route: string): string {
    let known = this.#found.get(server);
    if (known === undefined) {
      known = new Map();
      if (this.#found.size < nodesMax) this.#found.set(server, known);
    }
    let template = known.get(route);
    if (template === undefined) {
      template = this.#lookUp(server, route);
      if (known.size >= foundMax) known.clear();
      known.set(route, template);
    }
    return template;
  }

  #lookUp(server: string, route: string): string {
    let node = this.#services.get(server);
    if (node === undefined) return route;
    const out: string[] = [];
    for (const segment of route.split('/').slice(1)) {
      if (node?.folded !== undefined) {
        out.push(segment === '' || segment.startsWith('.') ? segment : '{}');
        node = node.folded;
      } else {
        out.push(segment);
        node = node?.children.get(segment);
      }
    }
    return `/${out.join('/')}`;
  }

  #node(): Node {
    this.#nodes += 1;
    return { children: new Map(), folded: undefined };
  }
}

function merged(nodes: readonly Node[]): Node {
  const children = new Map<string, Node>();
  for (const node of nodes) {
    for (const [name, child] of node.children) {
      const known = children.get(name);
      children.set(name, known === undefined ? child : merged([known, child]));
    }
  }
  const folded = nodes.map((node) => node.folded).filter((node) => node !== undefined);
  return { children, folded: folded.length === 0 ? undefined : merged(folded) };
}
