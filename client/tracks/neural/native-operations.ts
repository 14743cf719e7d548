/** TensorFlow operations that tfjs-node can run but does not name. Native backend only. */
import type { Tensor } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';

/** The part of the tfjs-node backend that runs an operation by name. */
type NodeBackend = {
  readonly binding: Readonly<
    Record<'TF_ATTR_FLOAT' | 'TF_ATTR_BOOL' | 'TF_ATTR_TYPE' | 'TF_FLOAT' | 'TF_INT32' | 'TF_INT64', number>
  > & {
    createTensor(shape: readonly number[], dtype: number, values: Int32Array): number;
  };
  readonly tensorMap: { set(dataId: object, info: object): void };
  executeMultipleOutputs(
    name: string,
    attributes: readonly object[],
    inputs: readonly Tensor[],
    outputs: number,
  ): Tensor[];
};

/** Attributes of an operation by name: numbers are floats; `{ type }` names an element type. */
export type OperationAttributes = Readonly<Record<string, number | boolean | Readonly<{ type: 'float' | 'int32' }>>>;

/** Runs an operation; its outputs are tensors of the caller's tidy. */
export function runOperation(
  name: string,
  attributes: OperationAttributes,
  inputs: readonly Tensor[],
  outputs: number,
): Tensor[] {
  const listed = Object.entries(attributes).map(([attribute, value]) => ({ name: attribute, ...typed(value) }));
  return backend().executeMultipleOutputs(name, listed, inputs, outputs);
}

function typed(value: OperationAttributes[string]) {
  const { binding } = backend();
  if (typeof value === 'number') return { type: binding.TF_ATTR_FLOAT, value };
  if (typeof value === 'boolean') return { type: binding.TF_ATTR_BOOL, value };
  return { type: binding.TF_ATTR_TYPE, value: value.type === 'float' ? binding.TF_FLOAT : binding.TF_INT32 };
}

const int64Scalars = new Map<number, Tensor>();

/**
 * An int64 scalar, 0 to 2^31 - 1. tfjs knows no int64, and its own Int64Scalar allocates a native tensor at every use
 * that nothing frees; so one per value is made by hand and kept for the life of the process.
 */
export function int64Scalar(value: number): Tensor {
  const known = int64Scalars.get(value);
  if (known !== undefined) return known;
  const { binding, tensorMap } = backend();
  const dataId = {};
  const id = binding.createTensor([], binding.TF_INT64, Int32Array.of(value, 0)); // Little-endian low word first.
  tensorMap.set(dataId, { shape: [], dtype: binding.TF_INT64, id, values: null, refCount: 1 });
  const scalar = tf.keep(tf.engine().makeTensorFromTensorInfo({ dataId, shape: [], dtype: 'int32' }));
  int64Scalars.set(value, scalar);
  return scalar;
}

function backend(): NodeBackend {
  return tf.backend() as unknown as NodeBackend;
}
