/** Each set of features once, in the order in which it first came; looks at no more once there are `most`. */
export function distinctAntigens(
  sets: Iterable<Uint32Array>,
  most: number = Number.POSITIVE_INFINITY,
): readonly Uint32Array[] {
  const found = new Map<string, Uint32Array>();
  for (const features of sets) {
    found.set(features.toSorted().join(), features);
    if (found.size >= most) break;
  }
  return [...found.values()];
}
