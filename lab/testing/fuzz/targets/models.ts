import { OnnxConstants } from '../../../../client/tracks/onnx/constants.ts';
import { OnnxGraph } from '../../../../client/tracks/onnx/onnx-graph.ts';
import { vetOnnx } from '../../../../client/tracks/onnx/vet-onnx.ts';
import { antibodiesFile, antibodyBytes, readAntibodies, readAntibody } from '../../../../proto/antibody.ts';
import { parseClusterId, parseFederationId, parseTrackId } from '../../../../proto/ids.ts';
import {
  bytesOfValues,
  findNonFinite,
  flatten,
  layoutOf,
  tensorViews,
  valuesOfBytes,
} from '../../../../proto/layout.ts';
import { specBytes, specOfBytes } from '../../../../proto/model-spec.ts';
import { firstResponsePolicy, readResponsePolicy, responsePolicyJson } from '../../../../proto/response-policy.ts';
import { refused, type Target, textOf } from '../target.ts';
import { jsonOf } from './json-of.ts';
import { sampleSpec } from './sample-spec.ts';

const spec: Target = {
  name: 'model-spec',
  words: ['"architecture":"a/1"', '"hyperparameters":{}', '"tensors":[', '{"name":"a","shape":[1]}', '268435456'],
  seeds: () => [specBytes(sampleSpec())],
  read(bytes) {
    const read = specOfBytes(bytes);
    return read.ok ? { kind: 'read', value: read.value, again: specBytes(read.value) } : refused(read.fault.code);
  },
};

/** A model's or an update's bytes under a spec. */
const layout: Target = {
  name: 'layout',
  seeds: () => [bytesOfValues(Float32Array.from({ length: 12 }, (_, at) => at / 3))],
  read(bytes) {
    const slots = layoutOf(sampleSpec());
    // A view of whatever alignment, as a chunk of an upload is.
    const values = valuesOfBytes(slots, bytes);
    if (!values.ok) return refused(values.fault.code);
    const fault = findNonFinite(slots, values.value);
    if (fault !== undefined) return refused(fault.code);
    const views = tensorViews(slots, values.value);
    if (!views.ok) return refused(views.fault.code);
    const flat = flatten(slots, views.value);
    if (!flat.ok) return refused(flat.fault.code);
    return { kind: 'read', value: values.value, also: flat.value, again: Uint8Array.from(bytesOfValues(flat.value)) };
  },
  isCanonical: true,
};

const onnx: Target = {
  name: 'onnx',
  words: ['Tile', 'Loop', 'com.microsoft', 'DynamicQuantizeLSTM'],
  inputsInTests: 1_000,
  seeds: () => {
    const graph = new OnnxGraph('small');
    const input = graph.input('x', 'float32', ['n', 4]);
    const weights = graph.constant(Float32Array.of(1, 2, 3, 4), [1, 4]);
    const times = graph.constant([2, 1], [2]);
    graph.node('Tile', [graph.node('Add', [input, weights]), times], { outputs: ['y'] });
    graph.output('y', 'float32', ['n', 4]);
    return [graph.bytes()];
  },
  read(bytes) {
    OnnxConstants.of(bytes)?.codebook(4);
    OnnxConstants.of(bytes)?.floats(1);
    const vetted = vetOnnx(bytes);
    if (!vetted.ok) return refused(vetted.fault.code);
    // The bytes that are handed on hold what was looked at, and nothing else: reading them once more changes nothing.
    return { kind: 'read', value: Uint8Array.from(vetted.value), again: Uint8Array.from(vetted.value) };
  },
};

const antibodySeed = () =>
  antibodyBytes({
    ...{ federation: parseFederationId('herd'), track: parseTrackId('syscall'), cluster: parseClusterId('eu-west-1') },
    ...{ family: 'reverse-shell', examples: 5, madeAtMs: 1_000, expiresAtMs: 2_000 },
    features: Uint32Array.of(3, 70_000, 0xffff_ffff),
    shares: Uint8Array.of(255, 1, 51),
  });

const antibody: Target = {
  name: 'antibody',
  words: ['"family":"a"', '"features":"AwAAAA=="', '"shares":"/w=="', '"examples":1'],
  seeds: () => [antibodySeed()],
  read(bytes) {
    const read = readAntibody(bytes);
    return read.ok ? { kind: 'read', value: read.value, again: antibodyBytes(read.value) } : refused(read.fault.code);
  },
  isCanonical: true,
};

const antibodies: Target = {
  name: 'antibodies-file',
  seeds: () => [antibodiesFile([]), antibodiesFile([antibodySeed(), antibodySeed()])],
  read(bytes) {
    const read = readAntibodies(bytes);
    if (!read.ok) return refused(read.fault.code);
    return { kind: 'read', value: read.value, again: antibodiesFile(read.value.map(antibodyBytes)) };
  },
  isCanonical: true,
};

const responsePolicy: Target = {
  name: 'response-policy',
  words: ['"level":"enforce"', '"rules":[{"level":"ask"}]', '"budgets":', '"evidence":', '"breaker":', '"__proto__":'],
  seeds: () => [
    Buffer.from(JSON.stringify(responsePolicyJson(firstResponsePolicy(1_700_000_000_000)))),
    Buffer.from(
      JSON.stringify(
        responsePolicyJson({
          ...firstResponsePolicy(1_700_000_000_000),
          rules: [{ cluster: parseClusterId('eu-1'), namespace: 'shop', workload: 'cart', level: 'enforce' }],
        }),
      ),
    ),
  ],
  read(bytes) {
    // Pins are canonical JSON, which has no -0.
    if (/-0(?![.\d])/.test(textOf(bytes))) return refused('NOT_CANONICAL');
    const read = readResponsePolicy(jsonOf(textOf(bytes)));
    if (!read.ok) return refused(read.fault.code);
    return { kind: 'read', value: read.value, again: Buffer.from(JSON.stringify(responsePolicyJson(read.value))) };
  },
};

export const modelTargets: readonly Target[] = [spec, layout, onnx, antibody, antibodies, responsePolicy];
