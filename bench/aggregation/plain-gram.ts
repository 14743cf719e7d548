#!/usr/bin/env node
/**
 * What the distances of Krum would take by dense native multiplication: X·Xᵀ of [n, d] random float32
 * values in blocks of columns, summed in float32; nothing centred, scaled, bounded or checked. One JSON line, the median
 * of five: `plain-gram.ts N D`.
 */
import { tf } from '#tensorflow';
import { median } from '../harness/measure.ts';

const [n = 500, d = 300_000] = process.argv.slice(2).map(Number);
const columns = 8_192;
const blocks = Array.from({ length: Math.ceil(d / columns) }, (_, at) =>
  tf.randomUniform([n, Math.min(columns, d - at * columns)], -1, 1),
);
const seconds: number[] = [];
for (let run = 0; run < 6; run++) {
  const startedAt = performance.now();
  const gram = tf.tidy(() =>
    blocks.reduce((sum, block) => tf.add(sum, tf.matMul(block, block, false, true)), tf.zeros([n, n])),
  );
  gram.dataSync();
  if (run > 0) seconds.push((performance.now() - startedAt) / 1e3); // The first one warms up.
  gram.dispose();
}
console.log(JSON.stringify({ seconds: median(seconds) }));
