import onnxProto from 'onnx-proto';
import { type Codebook, levelsCount } from './quantise.ts';

const { onnx } = onnxProto;
const { DataType } = onnx.TensorProto;

type Constant = Readonly<{ dataType?: number | null; rawData?: Uint8Array | null }>;

/** Arrays that lie in a model, looked up by how many values they have: what reads a model without running it. */
export class OnnxConstants {
  readonly #tensors: readonly Constant[];

  private constructor(tensors: readonly Constant[]) {
    this.#tensors = tensors;
  }

  /** Undefined where the bytes are no model. */
  static of(model: Uint8Array): OnnxConstants | undefined {
    try {
      return new OnnxConstants(onnx.ModelProto.decode(model).graph?.initializer ?? []);
    } catch {
      return undefined;
    }
  }

  /** The first codes of so many, and the first levels. */
  codebook(codesCount: number): Codebook | undefined {
    const codes = this.#bytes(DataType.UINT8, codesCount)[0];
    const levels = this.floats(levelsCount)[0];
    return codes === undefined || levels === undefined ? undefined : { codes: Uint8Array.from(codes), levels };
  }

  /** All arrays of so many numbers, in their order. */
  floats(count: number): readonly Float32Array[] {
    // Copied: constants lie at any offset of the file, and the file is not to be kept for their sake.
    return this.#bytes(DataType.FLOAT, count * 4).map((bytes) => new Float32Array(Uint8Array.from(bytes).buffer));
  }

  #bytes(type: number, length: number): readonly Uint8Array[] {
    return this.#tensors.flatMap(({ dataType, rawData }) =>
      dataType === type && rawData?.length === length ? [rawData] : [],
    );
  }
}
