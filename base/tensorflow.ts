/**
 * TensorFlow for everyone here: `import { tf } from '#tensorflow'` (types: `import type { Tensor1D } from
 * '@tensorflow/tfjs-node'`). Works in the main thread, in worker threads and in child processes.
 *
 * The native library is put in place by set-up. When it is missing this module throws ADD_ON_MISSING, naming the remedy; the pure
 * JavaScript backend, tens of times slower, is used only when TESTUDO_TF=js asks for it, and says so once on stderr.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { addOnPath, addOnsRemedy } from './add-ons/add-ons.ts';
import { FaultError } from './fault.ts';

type TensorFlow = typeof import('@tensorflow/tfjs-node');
export type TensorflowBackend = 'native' | 'js';

const load = createRequire(import.meta.url);

export const tensorflowBackend: TensorflowBackend = chosenBackend(process.env.TESTUDO_TF);
export const tf: TensorFlow = tensorflowBackend === 'native' ? loadNative() : loadPureJs();

function chosenBackend(asked: string | undefined): TensorflowBackend {
  if (asked === undefined || asked === '' || asked === 'native') return 'native';
  if (asked === 'js') return 'js';
  throw new Error(`TESTUDO_TF is ${JSON.stringify(asked)}; it may be "native" (the default) or "js"`);
}

function loadNative(): TensorFlow {
  let native: TensorFlow;
  try {
    quietStart();
    native = load(addOnPath('@tensorflow/tfjs-node'));
  } catch (cause) {
    const message =
      `the native TensorFlow library is not ready: ${addOnsRemedy()}, ` +
      'or ask for the slow pure JavaScript backend with TESTUDO_TF=js';
    throw new FaultError({ code: 'ADD_ON_MISSING', message }, { cause });
  }
  // The package falls back by itself when its backend cannot start; a slow backend is never chosen silently.
  if (native.getBackend() !== 'tensorflow') {
    throw new Error(
      `TensorFlow started with the backend ${JSON.stringify(native.getBackend())}, expected "tensorflow"`,
    );
  }
  return native;
}

/** Keeps three start-up notes off every process's stderr; TF_CPP_MIN_LOG_LEVEL=0 brings TensorFlow's own back. */
function quietStart(): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  const binding = join(dirname(addOnPath('@tensorflow/tfjs-node/package.json')), 'lib', 'napi-v8');
  const quiet = join(binding, 'quiet_tensorflow.node'); // Set-up compiles it where we bring our own library.
  if (existsSync(quiet)) load(quiet);
  // tfjs-node calls these on every operation's attributes; Node deprecates them at 22 and removes them at 23.
  const util = load('node:util');
  util.isNullOrUndefined = (value: unknown) => value === null || value === undefined;
  util.isArray = Array.isArray;
}

function loadPureJs(): TensorFlow {
  const pure = load(addOnPath('@tensorflow/tfjs'));
  pure.env().set('IS_NODE', false); // Else it advertises the native package on stdout.
  if (isMainThread) {
    process.stderr.write(
      'WARNING: TESTUDO_TF=js: TensorFlow runs in pure JavaScript, tens of times slower than the native library. ' +
        'Results differ in the last bits. Unset TESTUDO_TF for the native library.\n',
    );
  }
  // Without `tf.node` and without the native kernels; callers that need those check `tensorflowBackend`.
  return pure;
}
