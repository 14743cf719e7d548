// Run by set-up on Node 22 in a process of its own: a broken native library may end the process, not throw.
// Multiplies two matrices of small whole numbers, whose product float32 holds exactly, and compares every entry.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
const tf = require(process.argv[2] ?? '@tensorflow/tfjs-node'); // The package's folder.

const rows = 96;
const inner = 200;
const columns = 64;
const left = Float32Array.from({ length: rows * inner }, (_, i) => ((i * 7) % 13) - 6);
const right = Float32Array.from({ length: inner * columns }, (_, i) => ((i * 5) % 11) - 5);
const product = tf.matMul(tf.tensor2d(left, [rows, inner]), tf.tensor2d(right, [inner, columns])).dataSync();

if (tf.getBackend() !== 'tensorflow') throw new Error(`the backend is ${tf.getBackend()}, expected tensorflow`);
for (let row = 0; row < rows; row++) {
  for (let column = 0; column < columns; column++) {
    let expected = 0;
    for (let k = 0; k < inner; k++) expected += (left[row * inner + k] ?? NaN) * (right[k * columns + column] ?? NaN);
    const found = product[row * columns + column];
    if (found !== expected) throw new Error(`matmul gave ${found} at [${row}, ${column}], expected ${expected}`);
  }
}
process.stdout.write(JSON.stringify({ backend: tf.getBackend() }));
