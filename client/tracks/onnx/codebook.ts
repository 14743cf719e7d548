import onnxProto from 'onnx-proto';
import type { Codebook } from './quantise.ts';

const { onnx } = onnxProto;
const levelsCount = 256;

/** The codes and levels among a model's constants: the first of their shapes; undefined where there are none. */
export function codebookOf(model: Uint8Array, codesCount: number): Codebook | undefined {
  try {
    const tensors = onnx.ModelProto.decode(model).graph?.initializer ?? [];
    const bytesOf = (length: number) =>
      tensors.map(({ rawData }) => rawData).find((raw): raw is Uint8Array => raw?.length === length);
    const [codes, levels] = [bytesOf(codesCount), bytesOf(levelsCount * 4)];
    if (codes === undefined || levels === undefined) return undefined;
    // Copied: constants lie at any offset of the file.
    return { codes: Uint8Array.from(codes), levels: new Float32Array(Uint8Array.from(levels).buffer) };
  } catch {
    return undefined;
  }
}
