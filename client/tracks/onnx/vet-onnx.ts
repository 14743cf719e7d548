/**
 * What of the Open Neural Network Exchange format a light form may be: what `onnx-graph.ts` and its users write, and no
 * more. ONNX Runtime reads much that none of our models needs: files beside the model, loops, functions, tensors whose
 * shape is larger than their bytes.
 */
import onnxProto from 'onnx-proto';
import { ok, type Result, refuse } from '../../../base/fault.ts';

const { onnx } = onnxProto;
type Model = InstanceType<typeof onnx.ModelProto>;
type Tensor = InstanceType<typeof onnx.TensorProto>;
type Node = InstanceType<typeof onnx.NodeProto>;

/** A light form has about a quarter of its weights' bytes, which are 1 GiB at most. */
const modelBytesMax = 2 ** 28;
const nodesMax = 4_096;
/** Longest that a model repeats anything along one axis: its windows are shorter. */
const repeatsMax = 4_096;

const operations: Readonly<Record<string, ReadonlySet<string>>> = {
  '': new Set(
    `Add And Cast Clip Concat Div Exp Gather GatherElements Greater GreaterOrEqual Log LogSoftmax Max Min Mul Neg
     ReduceSum Reshape Slice Squeeze Sub Tile Transpose Unsqueeze Where`.split(/\s+/),
  ),
  'com.microsoft': new Set(['DynamicQuantizeLSTM', 'DynamicQuantizeMatMul']),
};

const { DataType, DataLocation } = onnx.TensorProto;
const { AttributeType } = onnx.AttributeProto;
const valueBytes: ReadonlyMap<number, number> = new Map([
  [DataType.FLOAT, 4],
  [DataType.INT64, 8],
  [DataType.INT8, 1],
  [DataType.UINT8, 1],
]);
const plainAttributes: ReadonlySet<number> = new Set([AttributeType.INT, AttributeType.INTS, AttributeType.STRING]);

/** The model's bytes with nothing in them but what was looked at: members that this reader does not know are left out. */
export function vetOnnx(bytes: Uint8Array): Result<Uint8Array, 'MODEL_UNUSABLE'> {
  if (bytes.length > modelBytesMax) return unusable(`it has ${bytes.length} bytes; at most ${modelBytesMax}`);
  try {
    const model = onnx.ModelProto.decode(bytes);
    const why = faultOf(model);
    return why === undefined ? ok(onnx.ModelProto.encode(model).finish()) : unusable(why);
  } catch {
    return unusable('it is no ONNX model');
  }
}

function faultOf({ graph, opsetImport }: Model): string | undefined {
  if (graph === null || graph === undefined) return 'it has no graph';
  const [nodes, tensors] = [graph.node ?? [], graph.initializer ?? []];
  if (nodes.length === 0 || nodes.length > nodesMax) return `it has ${nodes.length} nodes; 1 to ${nodesMax} are legal`;
  if ((opsetImport ?? []).some(({ domain }) => operations[domain ?? ''] === undefined))
    return 'it names a foreign operator set';
  const constants = new Map(tensors.map((tensor) => [tensor.name ?? '', tensor as Tensor]));
  for (const tensor of constants.values()) {
    const why = faultOfTensor(tensor);
    if (why !== undefined) return `tensor ${printable(tensor.name)} ${why}`;
  }
  for (const node of nodes) {
    const why = faultOfNode(node as Node, constants);
    if (why !== undefined) return `operation ${printable(node.opType)} ${why}`;
  }
  return undefined;
}

function faultOfTensor({ dims, dataType, dataLocation, externalData, rawData }: Tensor): string | undefined {
  if (dataLocation === DataLocation.EXTERNAL || (externalData?.length ?? 0) > 0) return 'lies in another file';
  const size = valueBytes.get(dataType ?? 0);
  if (size === undefined) return `is of type ${dataType}`;
  const sizes = dims.map(Number);
  if (sizes.some((one) => !Number.isSafeInteger(one) || one < 0)) return 'has a dimension that is none';
  const expected = sizes.reduce((product, one) => product * one, size);
  return expected === (rawData?.length ?? 0) ? undefined : 'has another size than its shape says';
}

function faultOfNode({ opType, domain, attribute, input }: Node, constants: ReadonlyMap<string, Tensor>) {
  if (operations[domain ?? '']?.has(opType ?? '') !== true) return 'is none of those that our models need';
  if (attribute.some(({ type }) => !plainAttributes.has(type ?? 0))) return 'has an attribute that is no plain value';
  if (opType !== 'Tile') return undefined;
  const repeats = constants.get(input[1] ?? '');
  if (repeats?.dataType !== DataType.INT64) return 'repeats by what is not constant';
  const bytes = Buffer.from(repeats.rawData as Uint8Array);
  const counts = Array.from({ length: bytes.length / 8 }, (_, at) => Number(bytes.readBigInt64LE(at * 8)));
  const often = counts.reduce((product, one) => product * one, 1);
  return often >= 1 && often <= repeatsMax ? undefined : `repeats ${often} times; at most ${repeatsMax}`;
}

function printable(name: string | null | undefined): string {
  return JSON.stringify(String(name ?? '').slice(0, 64));
}

function unusable(why: string) {
  return refuse(
    'MODEL_UNUSABLE',
    `the model cannot be opened: ${why}; publish the release again with this version's export`,
  );
}
