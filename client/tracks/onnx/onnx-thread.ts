/** The thread of an ONNX session: runs the model, one request at a time. */
import { type MessagePort, workerData } from 'node:worker_threads';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { importAddOn } from '../../../base/add-ons/add-ons.ts';
import type { OnnxAnswer, OnnxInput, OnnxOutcome, OnnxRequest } from './onnx-protocol.ts';

type Start = Readonly<{ model: Uint8Array; port: MessagePort; answered: Int32Array }>;
const { model, port, answered } = workerData as Start;

async function serve(): Promise<void> {
  const session = await open();
  if (session === undefined) return;
  answer({ id: 0, outputs: {} });
  let queue = Promise.resolve();
  port.on('message', (request: OnnxRequest) => {
    queue = queue.then(async () => answer({ id: request.id, ...(await run(session, request)) }));
  });
}

type Open = Readonly<{ session: InferenceSession; tensor: (input: OnnxInput) => Tensor }>;

async function open(): Promise<Open | undefined> {
  try {
    const { default: runtime } = await importAddOn<{ default: typeof import('onnxruntime-node') }>('onnxruntime-node');
    const session = await runtime.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      // One core: scoring shares its machine with workloads, and small matrices gain nothing from more.
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
    const tensor = ({ type, shape, values }: OnnxInput) =>
      type === 'int64'
        ? new runtime.Tensor('int64', BigInt64Array.from(values as Int32Array, BigInt), shape)
        : new runtime.Tensor('float32', values as Float32Array, shape);
    return { session, tensor };
  } catch (error) {
    answer({ id: 0, error: `the model cannot be opened: ${(error as Error).message}`.slice(0, 500) });
    return undefined;
  }
}

async function run({ session, tensor }: Open, { inputs, wanted }: OnnxRequest): Promise<OnnxOutcome> {
  try {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensor(input)]));
    const results = await session.run(feeds, wanted ?? session.outputNames);
    const outputs = Object.entries(results).map(([name, { data }]) => [name, data as Float32Array] as const);
    return { outputs: Object.fromEntries(outputs) };
  } catch (error) {
    return { error: `the model cannot be run: ${(error as Error).message}`.slice(0, 500) };
  }
}

function answer(message: OnnxAnswer): void {
  port.postMessage(message);
  Atomics.add(answered, 0, 1);
  Atomics.notify(answered, 0);
}

void serve();
