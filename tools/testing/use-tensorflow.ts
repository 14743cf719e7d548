// usage: use-tensorflow.ts WORKERS. Multiplies in this thread (0) or in that many worker threads at once.
import { isMainThread, Worker } from 'node:worker_threads';

const workers = Number(process.argv[2]);
if (isMainThread && workers > 0) {
  for (let i = 0; i < workers; i++) new Worker(new URL(import.meta.url), { argv: ['0'] });
} else {
  const { tf, tensorflowBackend } = await import('#tensorflow');
  const dot = tf.tidy(
    () =>
      tf
        .tensor1d([1, 2, 3])
        .dot(tf.tensor1d([4, 5, 6]))
        .dataSync()[0],
  );
  process.stdout.write(`${tensorflowBackend} ${tf.getBackend()} ${dot}\n`);
}
