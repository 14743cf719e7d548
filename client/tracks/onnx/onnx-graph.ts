/**
 * Writes models in the Open Neural Network Exchange format (ONNX, IR version 8, operator set 17, and ONNX Runtime's
 * com.microsoft set for 8-bit LSTMs and multiplications). The same calls give the same bytes.
 */
import onnxProto from 'onnx-proto';

const { onnx } = onnxProto;
const irVersion = 8;
const operatorSet = 17;
const { DataType } = onnx.TensorProto;

/** Element types, by the names that ONNX Runtime uses. */
export type OnnxType = 'float32' | 'int64' | 'int8' | 'uint8';

const dataTypes: Readonly<Record<OnnxType, number>> = {
  float32: DataType.FLOAT,
  int64: DataType.INT64,
  int8: DataType.INT8,
  uint8: DataType.UINT8,
};

/** Values of a constant, row-major. int64 constants come as numbers. */
export type OnnxValues = Float32Array | Int8Array | Uint8Array | readonly number[];

export type OnnxAttribute = number | string | readonly number[];

/** A graph under construction: every method names what it made, and other nodes refer to it by that name. */
export class OnnxGraph {
  readonly #graph: InstanceType<typeof onnx.GraphProto>;
  #made = 0;

  constructor(name: string) {
    this.#graph = onnx.GraphProto.create({ name });
  }

  /** A text in place of a number names a dimension that is known only when the model runs. */
  input(name: string, type: OnnxType, shape: readonly (number | string)[]): string {
    this.#graph.input.push(valueInfo(name, type, shape));
    return name;
  }

  output(name: string, type: OnnxType, shape: readonly (number | string)[]): void {
    this.#graph.output.push(valueInfo(name, type, shape));
  }

  constant(values: OnnxValues, shape: readonly number[]): string {
    const name = this.#name();
    const type = typeOf(values);
    this.#graph.initializer.push(
      onnx.TensorProto.create({ name, dataType: dataTypes[type], dims: [...shape], rawData: littleEndian(values) }),
    );
    return name;
  }

  /** One node with one output, or with the given names as outputs ('' for one that nobody reads). */
  node(
    operation: string,
    inputs: readonly string[],
    { attributes = {}, outputs, domain = '' }: NodeOptions = {},
  ): string {
    const names = outputs ?? [this.#name()];
    this.#graph.node.push(
      onnx.NodeProto.create({
        opType: operation,
        domain,
        input: [...inputs],
        output: [...names],
        attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      }),
    );
    return names.find((name) => name !== '') ?? '';
  }

  /** The model's bytes. Whole numbers as int64 constants of shape [n] where nodes want shapes and axes. */
  bytes(): Uint8Array {
    const model = onnx.ModelProto.create({
      irVersion,
      producerName: 'testudo',
      opsetImport: [
        { domain: '', version: operatorSet },
        { domain: 'com.microsoft', version: 1 },
      ],
      graph: this.#graph,
    });
    return onnx.ModelProto.encode(model).finish();
  }

  #name(): string {
    this.#made += 1;
    return `t${this.#made}`;
  }
}

type NodeOptions = Readonly<{
  attributes?: Readonly<Record<string, OnnxAttribute>>;
  outputs?: readonly string[];
  domain?: 'com.microsoft' | '';
}>;

function valueInfo(name: string, type: OnnxType, shape: readonly (number | string)[]) {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return onnx.ValueInfoProto.create({ name, type: { tensorType: { elemType: dataTypes[type], shape: { dim } } } });
}

function attribute(name: string, value: OnnxAttribute) {
  const { AttributeType } = onnx.AttributeProto;
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value };
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: Buffer.from(value, 'utf8') };
  return { name, type: AttributeType.INTS, ints: [...value] };
}

function typeOf(values: OnnxValues): OnnxType {
  if (values instanceof Float32Array) return 'float32';
  if (values instanceof Int8Array) return 'int8';
  return values instanceof Uint8Array ? 'uint8' : 'int64';
}

function littleEndian(values: OnnxValues): Uint8Array {
  if (ArrayBuffer.isView(values)) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
  return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
}
