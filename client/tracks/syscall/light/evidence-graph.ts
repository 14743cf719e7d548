/**
 * What the light forms of gram evidence share: a graph that looks up evidence by slot and refines a probability with it, and
 * the batches of slots that it takes. Light forms are compared byte by byte, so the order of nodes is part of them.
 */
import { vocabulary } from '../../../events/vocabulary.ts';
import { OnnxGraph } from '../../onnx/onnx-graph.ts';
import type { OnnxInput } from '../../onnx/onnx-protocol.ts';
import type { Codebook } from '../../onnx/quantise.ts';

/** A graph under construction from slots of grams to the surprisal of each call. */
export class EvidenceGraph {
  readonly graph: OnnxGraph;
  readonly #slots: string;
  readonly #contexts: string;
  readonly #longest: string;
  readonly #table: string;
  readonly #levels: string;
  /** Where every context up to here had evidence. */
  #alive: string;
  #probability: string;

  /** slotsPerCall: one for each length from the class alone up to the longest gram. */
  constructor(name: string, slotsPerCall: number, { codes, levels }: Codebook) {
    this.graph = new OnnxGraph(name);
    this.#slots = this.graph.input('slots', 'int64', ['N', slotsPerCall]);
    this.#contexts = this.graph.input('contexts', 'int64', ['N', slotsPerCall]);
    this.#longest = this.graph.input('longest', 'int64', ['N']);
    this.#table = this.graph.constant(codes, [codes.length]);
    this.#levels = this.graph.constant(levels, [levels.length]);
    this.#alive = this.graph.node('GreaterOrEqual', [this.#longest, this.graph.constant([0], [])]);
    this.#probability = this.number(1 / vocabulary.length);
  }

  number(value: number): string {
    return this.graph.constant(Float32Array.of(value), []);
  }

  /** Evidence of the gram of so many calls that ends at each call. */
  gram(length: number): string {
    return this.#evidenceAt(this.#slots, length);
  }

  /** The same of what ends at the call before. */
  context(length: number): string {
    return this.#evidenceAt(this.#contexts, length);
  }

  /** Ends refining at the first length without support, as the loops that this stands for do. */
  whileSupported(length: number, support: string): void {
    const { graph } = this;
    const within = graph.node('GreaterOrEqual', [this.#longest, graph.constant([length], [])]);
    const supported = graph.node('And', [within, graph.node('Greater', [support, this.number(0)])]);
    this.#alive = graph.node('And', [this.#alive, supported]);
  }

  refine(gram: string, context: string): void {
    const { graph } = this;
    const refined = graph.node('Div', [
      graph.node('Add', [gram, this.#probability]),
      graph.node('Add', [context, this.number(1)]),
    ]);
    this.#probability = graph.node('Where', [this.#alive, refined, this.#probability]);
  }

  /** Makes the output `surprisal`: −ln p in nats, shape [N]. clipped: p is at most 1. */
  surprisal({ clipped }: Readonly<{ clipped: boolean }>): void {
    const { graph } = this;
    const probability = clipped ? graph.node('Min', [this.#probability, this.number(1)]) : this.#probability;
    graph.node('Neg', [graph.node('Log', [probability])], { outputs: ['surprisal'] });
    graph.output('surprisal', 'float32', ['N']);
  }

  #evidenceAt(which: string, length: number): string {
    const { graph } = this;
    const slot = graph.node('Gather', [which, graph.constant([length], [])], { attributes: { axis: 1 } });
    const code = graph.node('Gather', [this.#table, slot]);
    // ONNX's data type 7 is int64, which indices must be.
    return graph.node('Gather', [this.#levels, graph.node('Cast', [code], { attributes: { to: 7 } })]);
  }
}

/** Slots of some calls, as the graph takes them. */
export class SlotBatch {
  size = 0;
  readonly #slotsPerCall: number;
  readonly #slots: Int32Array;
  readonly #contexts: Int32Array;
  readonly #longest: Int32Array;

  constructor(callsMax: number, slotsPerCall: number) {
    this.#slotsPerCall = slotsPerCall;
    this.#slots = new Int32Array(callsMax * slotsPerCall);
    this.#contexts = new Int32Array(callsMax * slotsPerCall);
    this.#longest = new Int32Array(callsMax);
  }

  /** slots, contexts: shape [slotsPerCall]. */
  add(slots: ArrayLike<number>, contexts: ArrayLike<number>, longest: number): void {
    this.#slots.set(slots, this.size * this.#slotsPerCall);
    this.#contexts.set(contexts, this.size * this.#slotsPerCall);
    this.#longest[this.size] = longest;
    this.size += 1;
  }

  inputs(): Readonly<Record<string, OnnxInput>> {
    const shape = [this.size, this.#slotsPerCall];
    const length = this.size * this.#slotsPerCall;
    return {
      slots: { type: 'int64', shape, values: this.#slots.subarray(0, length) },
      contexts: { type: 'int64', shape, values: this.#contexts.subarray(0, length) },
      longest: { type: 'int64', shape: [this.size], values: this.#longest.subarray(0, this.size) },
    };
  }
}
