import { endKey, type FlowEnd } from '../../../events/flow-record.ts';

type Node = { readonly id: number; readonly key: string; readonly end: FlowEnd; edges: number };

const foldedEnd: FlowEnd = { kind: 'folded', namespace: '', workload: '' };

/**
 * Small numbers for ends, for as long as an edge holds on to them. At most `nodesMax`; ends beyond it share the number
 * of `foldedEnd`.
 */
export class NodeTable {
  readonly #nodesMax: number;
  readonly #byKey = new Map<string, Node>();
  readonly #byId: (Node | undefined)[] = [];
  readonly #free: number[] = [];
  /** Sources give the same object for the same end where they can: then no key has to be spelt. */
  #byEnd = new WeakMap<FlowEnd, Node>();

  constructor(nodesMax: number) {
    this.#nodesMax = nodesMax;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Number of an end. Without `hold` it may be given to another end later. */
  idOf(end: FlowEnd): number {
    const known = this.#byEnd.get(end);
    if (known !== undefined && this.#byId[known.id] === known) return known.id;
    const key = endKey(end);
    let node = this.#byKey.get(key);
    if (node === undefined) {
      if (this.#byKey.size >= this.#nodesMax && end.kind !== 'folded') return this.idOf(foldedEnd);
      const id = this.#free.pop() ?? this.#byId.length;
      node = { id, key, end, edges: 0 };
      this.#byId[id] = node;
      this.#byKey.set(key, node);
    }
    this.#byEnd.set(end, node);
    return node.id;
  }

  get foldedId(): number {
    return this.idOf(foldedEnd);
  }

  endOf(id: number): FlowEnd {
    return (this.#byId[id] as Node).end;
  }

  keyOf(id: number): string {
    return (this.#byId[id] as Node).key;
  }

  hold(id: number): void {
    (this.#byId[id] as Node).edges += 1;
  }

  /** The last hold's release frees the number. */
  release(id: number): void {
    (this.#byId[id] as Node).edges -= 1;
    this.freeUnheld(id);
  }

  freeUnheld(id: number): void {
    const node = this.#byId[id];
    if (node === undefined || node.edges > 0) return;
    this.#byId[id] = undefined;
    this.#byKey.delete(node.key);
    this.#free.push(id);
  }
}
