/** What an ONNX session and its thread say to each other. */
export type OnnxInput = Readonly<{
  type: 'int64' | 'float32';
  shape: readonly number[];
  values: Int32Array | Float32Array;
}>;
export type OnnxOutput = Float32Array;

export type OnnxRequest = Readonly<{
  /** Counted from 1; whoever opened the model is answered as 0. */
  id: number;
  inputs: Readonly<Record<string, OnnxInput>>;
  /** Names of outputs; all where undefined. */
  wanted: readonly string[] | undefined;
}>;
/** `id`: of the request. */
export type OnnxAnswer = Readonly<{ id: number }> & OnnxOutcome;
export type OnnxOutcome = Readonly<
  { outputs: Readonly<Record<string, OnnxOutput>>; error?: undefined } | { error: string; outputs?: undefined }
>;
