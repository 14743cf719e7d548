import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { unwrap } from '../../../base/fault.ts';
import type { OnnxAnswer, OnnxInput, OnnxOutput, OnnxRequest } from './onnx-protocol.ts';
import { vetOnnx } from './vet-onnx.ts';

const program = new URL('./onnx-thread.ts', import.meta.url);

/**
 * An ONNX model that runs when it is called: ONNX Runtime only answers later, and scorers are asked and answer at once. So
 * it runs in a thread of its own, and the caller waits for it. For threads that may wait, which scoring threads are.
 */
export class OnnxSession {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  /** [0]: how many answers there were. */
  readonly #answered = new Int32Array(new SharedArrayBuffer(4));
  #closed = false;
  /** Requests that were made. */
  #asked = 0;
  /** Longest that one run may take before it counts as stuck, milliseconds. */
  runMsMax = 60_000;

  /** Throws where the bytes are no model of ours that ONNX Runtime can run, or ONNX Runtime is not installed. */
  constructor(bytes: Uint8Array) {
    const model = unwrap(vetOnnx(bytes));
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(program, {
      workerData: { model, port: port2, answered: this.#answered },
      transferList: [port2],
      execArgv: process.execArgv.filter((flag) => !flag.startsWith('--inspect')),
    });
    this.#worker.unref();
    this.#port.unref();
    try {
      this.#wait(0);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Outputs of one run, by name: those that are wanted are all that is computed and copied; all of them by default. */
  run(inputs: Readonly<Record<string, OnnxInput>>, wanted?: readonly string[]): Readonly<Record<string, OnnxOutput>> {
    if (this.#closed) throw new Error('onnx session: closed');
    this.#asked += 1;
    this.#port.postMessage({ id: this.#asked, inputs, wanted } satisfies OnnxRequest);
    return this.#wait(this.#asked);
  }

  /** Ends the thread. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.close();
    void this.#worker.terminate();
  }

  #wait(id: number): Readonly<Record<string, OnnxOutput>> {
    const deadline = performance.now() + this.runMsMax;
    for (;;) {
      const before = Atomics.load(this.#answered, 0);
      const received = receiveMessageOnPort(this.#port);
      const answer = received?.message as OnnxAnswer | undefined;
      if (answer?.id === id) return outputsOf(answer);
      // Of a request that nobody waits for any more.
      if (answer !== undefined) continue;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`onnx session: no answer within ${this.runMsMax / 1_000} s`);
      // Wakes at once when an answer came since `before` was read; a wake that was for an earlier answer looks again.
      Atomics.wait(this.#answered, 0, before, left);
    }
  }
}

function outputsOf({ outputs, error }: OnnxAnswer): Readonly<Record<string, OnnxOutput>> {
  if (error !== undefined) throw new Error(`onnx session: ${error}`);
  return outputs;
}
