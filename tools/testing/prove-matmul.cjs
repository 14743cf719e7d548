// Loads the native library as the product does and prints the sum of a small product: 2·(1+2+3+4) = 20 on "tensorflow".
const tf = require('@tensorflow/tfjs-node');
const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([1, 1, 1, 1], [2, 2]));
process.stdout.write(`${tf.getBackend()} ${product.sum().dataSync()[0]}`);
