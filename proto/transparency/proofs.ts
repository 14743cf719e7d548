import { emptyRoot, nodeHash, sameHash } from './merkle.ts';

/** The leaf hash of an entry, by its index from 0. */
export type Leaves = (index: number) => Uint8Array;

/** RFC 6962 2.1: the head of the tree over entries `from` up to, but not with, `to`. O(to - from) hashes. */
export function treeHead(leaves: Leaves, from: number, to: number): Uint8Array {
  if (from === to) return emptyRoot;
  if (to - from === 1) return leaves(from);
  const middle = from + splitOf(to - from);
  return nodeHash(treeHead(leaves, from, middle), treeHead(leaves, middle, to));
}

/** RFC 6962 2.1.1: siblings from the leaf to the root. Throws a RangeError on an index that the tree does not have. */
export function inclusionProof(leaves: Leaves, index: number, size: number): readonly Uint8Array[] {
  if (index < 0 || index >= size) throw new RangeError(`inclusion proof: entry ${index} of a tree of ${size}`);
  return path(0, size);

  function path(from: number, to: number): Uint8Array[] {
    if (to - from === 1) return [];
    const middle = from + splitOf(to - from);
    return index < middle
      ? [...path(from, middle), treeHead(leaves, middle, to)]
      : [...path(middle, to), treeHead(leaves, from, middle)];
  }
}

/** RFC 6962 2.1.2: shows that the tree of `size` entries begins with the one of `old`. Empty where one of them is. */
export function consistencyProof(leaves: Leaves, old: number, size: number): readonly Uint8Array[] {
  if (old < 0 || old > size) throw new RangeError(`consistency proof: from a tree of ${old} to one of ${size}`);
  return old === 0 || old === size ? [] : path(0, size, true);

  /** `known`: the old tree's head over `from` to `old` is what the verifier starts from, and is left out. */
  function path(from: number, to: number, known: boolean): Uint8Array[] {
    if (to === old) return known ? [] : [treeHead(leaves, from, to)];
    const middle = from + splitOf(to - from);
    return old <= middle
      ? [...path(from, middle, known), treeHead(leaves, middle, to)]
      : [...path(middle, to, false), treeHead(leaves, from, middle)];
  }
}

/** Whether the entry with this leaf hash stands at `index` of the tree of `size` entries with this root (RFC 9162 2.1.3.2). */
export function includes(
  leaf: Uint8Array,
  index: number,
  tree: Readonly<{ size: number; root: Uint8Array }>,
  proof: readonly Uint8Array[],
): boolean {
  if (index < 0 || index >= tree.size) return false;
  let [at, last, joined] = [index, tree.size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      joined = nodeHash(sibling, joined);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      joined = nodeHash(joined, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && sameHash(joined, tree.root);
}

/** Whether the larger tree begins with all entries of the older one, unchanged and in their order (RFC 9162 2.1.4.2). */
export function extendsTree(
  old: Readonly<{ size: number; root: Uint8Array }>,
  tree: Readonly<{ size: number; root: Uint8Array }>,
  proof: readonly Uint8Array[],
): boolean {
  if (old.size > tree.size) return false;
  if (old.size === 0) return proof.length === 0 && sameHash(old.root, emptyRoot);
  if (old.size === tree.size) return proof.length === 0 && sameHash(old.root, tree.root);
  if (proof.length === 0) return false;
  // A complete subtree is its own proof.
  const [first, ...rest] = isPowerOfTwo(old.size) ? [old.root, ...proof] : proof;
  let [at, last] = [old.size - 1, tree.size - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  let older = first as Uint8Array;
  let newer = older;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      older = nodeHash(sibling, older);
      newer = nodeHash(sibling, newer);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      newer = nodeHash(newer, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && sameHash(older, old.root) && sameHash(newer, tree.root);
}

/** The largest power of two below `count`, which is at least 2. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/** Needs one or more. Exact, where a logarithm rounds from 2^49 or so on. */
function isPowerOfTwo(size: number): boolean {
  return 2 ** Math.round(Math.log2(size)) === size;
}

function half(value: number): number {
  return Math.floor(value / 2);
}
