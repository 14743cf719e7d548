import type { BuiltImage } from './build.ts';

/** What an image costs, in whole megabytes (10⁶ bytes): over the network, and on a node's disk. */
export function sizesOf({ layers }: Pick<BuiltImage, 'layers'>): Readonly<{ pullMB: number; unpackedMB: number }> {
  const sum = (key: 'size' | 'unpackedBytes') => layers.reduce((bytes, { packed }) => bytes + packed[key], 0);
  return { pullMB: Math.ceil(sum('size') / 1e6), unpackedMB: Math.ceil(sum('unpackedBytes') / 1e6) };
}
