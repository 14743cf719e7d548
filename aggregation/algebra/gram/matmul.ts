import { tf } from '#tensorflow';
import { segmentColumns, segmentsPerStrip } from '../packed/packed-block.ts';

/** The parts of the tfjs-node binding that are used here: tensors are made over the caller's memory, without a copy. */
type Binding = {
  TF_FLOAT: number;
  TF_INT32: number;
  TF_ATTR_TYPE: number;
  TF_ATTR_BOOL: number;
  createTensor(shape: number[], type: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array;
  executeOp(name: string, attributes: object[], inputs: number[], outputs: number): { id: number }[];
};

/**
 * Native matrix multiplication, reached below tfjs's kernels: those copy their inputs and wrap every result.
 * One instance per thread.
 */
export type BlockMultiplier = Readonly<{
  /** [strips, 32 segments, rows, 64] float32 over `values`, 64-byte aligned and left unchanged until `release`. */
  hold(values: Float32Array, strips: number, rows: number): number;
  release(tensor: number): void;
  /** Per strip the sum over segments of a · bᵀ: shape [strips, rows of a, rows of b], float32. */
  products(a: number, b: number): Float32Array;
}>;

export function blockMultiplier(): BlockMultiplier {
  const { binding } = tf.backend() as unknown as { binding: Binding };
  const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
  const flag = (name: string, value: boolean) => ({ name, type: binding.TF_ATTR_BOOL, value });
  const multiply = [type('T', binding.TF_FLOAT), flag('adj_x', false), flag('adj_y', true)];
  const sum = [type('T', binding.TF_FLOAT), type('Tidx', binding.TF_INT32), flag('keep_dims', false)];
  const overSegments = binding.createTensor([1], binding.TF_INT32, Int32Array.of(1));
  const run = (op: string, attributes: object[], inputs: number[]) => {
    const [output] = binding.executeOp(op, attributes, inputs, 1);
    if (output === undefined) throw new Error(`TensorFlow's ${op} gave no output`);
    return output.id;
  };
  return {
    hold(values, strips, rows) {
      return binding.createTensor([strips, segmentsPerStrip, rows, segmentColumns], binding.TF_FLOAT, values);
    },
    release: (tensor) => binding.deleteTensor(tensor),
    products(a, b) {
      const parts = run('BatchMatMulV2', multiply, [a, b]);
      const total = run('Sum', sum, [parts, overSegments]);
      binding.deleteTensor(parts);
      const values = binding.tensorDataSync(total);
      binding.deleteTensor(total);
      return values;
    },
  };
}
