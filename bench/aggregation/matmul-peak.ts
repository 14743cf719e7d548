#!/usr/bin/env node
/**
 * The machine's float32 multiplication peak through TensorFlow, one JSON line: best of twenty products of square matrices of
 * so many rows, 2048 unless told. Smaller ones do not reach the peak.
 */
import { tf } from '#tensorflow';

const size = Number(process.argv[2] ?? 2048);
const [a, b] = [tf.randomUniform([size, size]), tf.randomUniform([size, size])];
let bestMs = Number.POSITIVE_INFINITY;
for (let run = 0; run < 20; run++) {
  const startedAt = performance.now();
  const product = tf.matMul(a, b);
  product.dataSync();
  bestMs = Math.min(bestMs, performance.now() - startedAt);
  product.dispose();
}
console.log(JSON.stringify({ peakGflops: (2 * size ** 3) / bestMs / 1e6 }));
