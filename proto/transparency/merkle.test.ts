import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Frontier, leafHash, nodeHash } from './merkle.ts';
import { consistencyProof, extendsTree, includes, inclusionProof, treeHead } from './proofs.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
/** The known answers that implementations of RFC 6962 share: eight entries, and the root of each of their prefixes. */
const entries = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const known = entries.map((entry) => leafHash(Buffer.from(entry, 'hex')));
const knownLeaves = (index: number) => known[index] as Uint8Array;

/** As many different leaves as are asked for. */
const leaves = (index: number) => leafHash(Buffer.from(`entry ${index}`));
const treeOf = (size: number) => ({ size, root: treeHead(leaves, 0, size) });

describe('a Merkle tree', () => {
  it('has the roots that RFC 6962 gives known entries, grown one by one or at once', () => {
    const frontier = Frontier.empty();
    for (const [size, root] of roots.entries()) {
      expect(hex(frontier.root())).toBe(root);
      expect(hex(treeHead(knownLeaves, 0, size))).toBe(root);
      if (size < known.length) frontier.push(knownLeaves(size));
    }
  });

  it('gives the known proofs of known entries', () => {
    expect(inclusionProof(knownLeaves, 0, 1)).toEqual([]);
    expect(inclusionProof(knownLeaves, 5, 8).map(hex)).toEqual([
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      roots[4],
    ]);
    expect(inclusionProof(knownLeaves, 2, 3).map(hex)).toEqual([roots[2]]);
    expect(inclusionProof(knownLeaves, 1, 5).map(hex)).toEqual([
      roots[1],
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ]);
    expect(consistencyProof(knownLeaves, 1, 8).map(hex)).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect(consistencyProof(knownLeaves, 6, 8).map(hex)).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      roots[4],
    ]);
    expect(consistencyProof(knownLeaves, 2, 5).map(hex)).toEqual([
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ]);
  });

  it('goes on from the roots that were kept, and from no others', () => {
    const all = Frontier.empty();
    for (let size = 0; size < 70; size++) {
      const again = Frontier.from(size, all.roots);
      expect(again && hex(again.root())).toBe(hex(treeOf(size).root));
      expect(Frontier.from(size, [...all.roots, leaves(0)])).toBeUndefined();
      if (size > 0) expect(Frontier.from(size, all.roots.with(0, new Uint8Array(31)))).toBeUndefined();
      all.push(leaves(size));
    }
  });
});

describe('proofs', () => {
  it('hold for every entry and every older tree, of all sizes up to 33', () => {
    for (let size = 1; size <= 33; size++) {
      const tree = treeOf(size);
      for (let index = 0; index < size; index++) {
        const proof = inclusionProof(leaves, index, size);
        expect(includes(leaves(index), index, tree, proof)).toBe(true);
        expect(includes(leaves(index), (index + 1) % (size + 1), tree, proof)).toBe(false);
        expect(includes(leaves(size), index, tree, proof)).toBe(false);
        expect(includes(leaves(index), index, tree, [...proof, leaves(0)])).toBe(false);
        expect(proof.length === 0 || !includes(leaves(index), index, tree, proof.slice(1))).toBe(true);
      }
      for (let old = 0; old <= size; old++) {
        expect(extendsTree(treeOf(old), tree, consistencyProof(leaves, old, size))).toBe(true);
      }
    }
  });

  it('hold for large trees of any size, and for no forked, shortened or padded one', () => {
    const sizes = fc
      .integer({ min: 2, max: 3_000 })
      .chain((size) => fc.tuple(fc.integer({ min: 1, max: size - 1 }), fc.constant(size)));
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), ([old, size], which, where) => {
        const tree = treeOf(size);
        const proof = consistencyProof(leaves, old, size);
        expect(extendsTree(treeOf(old), tree, proof)).toBe(true);
        const changed = which % old;
        const forkedLeaves = (index: number) => (index === changed ? leafHash(Buffer.from('changed')) : leaves(index));
        const forked = { size: old, root: treeHead(forkedLeaves, 0, old) };
        expect(extendsTree(forked, tree, proof)).toBe(false);
        expect(extendsTree(forked, tree, consistencyProof(forkedLeaves, old, size))).toBe(false);
        expect(extendsTree(treeOf(old), tree, proof.toSpliced(where % proof.length, 1))).toBe(false);
        expect(extendsTree(treeOf(old), tree, [...proof, leaves(0)])).toBe(false);
        expect(extendsTree(tree, treeOf(old), proof)).toBe(false);
        const index = which % size;
        expect(includes(leaves(index), index, tree, inclusionProof(leaves, index, size))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('tells a complete tree from one with an entry more, however large', () => {
    // All entries alike: the root of a complete tree of 2^k is that of one half beside itself.
    const leaf = leafHash(Buffer.from('entry'));
    let complete = leaf;
    for (let level = 0; level < 49; level += 1) complete = nodeHash(complete, complete);
    const two = { size: 2 ** 49 + 2, root: nodeHash(complete, nodeHash(leaf, leaf)) };
    const one = { size: 2 ** 49 + 1, root: nodeHash(complete, leaf) };
    expect(extendsTree(one, two, [leaf, leaf, complete])).toBe(true);
    expect(extendsTree({ size: 2 ** 49, root: complete }, two, [nodeHash(leaf, leaf)])).toBe(true);
  });
});
