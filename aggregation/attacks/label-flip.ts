/**
 * Label flipping: the client trains honestly on wrong labels, y → classes − 1 − y. Needs no knowledge of others. The
 * attack is on data, so this gives the labels to train on. labels: integers in 0..classes−1. Returns the same shape.
 */
export function flipLabels(labels: Uint8Array, classes: number): Uint8Array {
  return labels.map((label) => classes - 1 - label);
}
