/**
 * Child of round.bench.ts: what TensorFlow takes by itself where the coordinator has it, in a worker thread. Prints
 * {residentBytes}: resident memory after loading it and one multiplication of a strip of `rows` updates, less before.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const resident = () => process.memoryUsage.rss();

if (isMainThread) {
  const rows = Number(process.argv[2]);
  const worker = new Worker(new URL(import.meta.url), { workerData: rows });
  worker.once('message', (residentBytes: number) => {
    console.log(JSON.stringify({ residentBytes }));
  });
} else {
  const before = resident();
  const { tf } = await import('#tensorflow');
  const product = tf.tidy(() => {
    const block = tf.ones([workerData as number, 2_048]);
    return tf.matMul(block, block, false, true);
  });
  await product.data();
  parentPort?.postMessage(resident() - before);
}
