/** What an ONNX session and its thread say to each other. */
export type OnnxInput = Readonly<{
  type: 'int64' | 'float32';
  shape: readonly number[];
  values: Int32Array | Float32Array;
}>;
export type OnnxOutput = Float32Array;

export type OnnxRequest = Readonly<{
  inputs: Readonly<Record<string, OnnxInput>>;
  /** Names of outputs; all where undefined. */
  wanted: readonly string[] | undefined;
}>;
export type OnnxAnswer = Readonly<
  { outputs: Readonly<Record<string, OnnxOutput>>; error?: undefined } | { error: string; outputs?: undefined }
>;
