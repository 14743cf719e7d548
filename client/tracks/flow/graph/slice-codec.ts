import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { edgeFeatureNames, nodeFeatureNames } from './feature-names.ts';
import type { Slice } from './slice.ts';

/** "TSL1": a change of the columns' meaning needs another. */
const magic = 0x314c5354;
const headBytes = 40;
const F = nodeFeatureNames.length;
const E = edgeFeatureNames.length;

/**
 * A slice as bytes, little-endian, for keeping it on disk: magic, n, m, F, E (uint32), 4 bytes of nothing, start and end
 * (float64), node features, clients, servers, edge features. Names are not in it.
 */
export function encodeSlice(slice: Slice): Uint8Array {
  const { nodeCount: n, edgeCount: m, nodeFeatures, clients, servers, edgeFeatures } = slice;
  const bytes = new Uint8Array(headBytes + 4 * (n * F + 2 * m + m * E));
  const view = new DataView(bytes.buffer);
  for (const [index, value] of [magic, n, m, F, E].entries()) view.setUint32(4 * index, value, true);
  view.setFloat64(24, slice.startMs, true);
  view.setFloat64(32, slice.endMs, true);
  let at = headBytes;
  for (const part of [nodeFeatures, clients, servers, edgeFeatures]) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return bytes;
}

/** Refuses bytes of another layout, and edges to nodes that there are not. */
export function decodeSlice(bytes: Uint8Array): Result<Slice, 'SLICE_UNREADABLE'> {
  if (bytes.length < headBytes) return unreadable(`expected ${headBytes} bytes or more, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [found, n, m, f, e] = [0, 4, 8, 12, 16].map((at) => view.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (found !== magic || f !== F || e !== E) {
    return unreadable(`expected ${F} node and ${E} edge features of this version, got ${f} and ${e}`);
  }
  const length = headBytes + 4 * (n * F + 2 * m + m * E);
  if (bytes.length !== length) return unreadable(`expected ${length} bytes, got ${bytes.length}`);
  // A copy of its own: the parts need their own alignment, and the caller's buffer may be used again.
  // Not `slice`, which on a Buffer is a view of a pool that others use.
  const buffer = Uint8Array.from(bytes.subarray(headBytes)).buffer;
  const slice: Slice = {
    startMs: view.getFloat64(24, true),
    endMs: view.getFloat64(32, true),
    nodeCount: n,
    edgeCount: m,
    nodeFeatures: new Float32Array(buffer, 0, n * F),
    clients: new Uint32Array(buffer, 4 * n * F, m),
    servers: new Uint32Array(buffer, 4 * (n * F + m), m),
    edgeFeatures: new Float32Array(buffer, 4 * (n * F + 2 * m), m * E),
  };
  const isNode = (row: number) => row < n;
  if (!slice.clients.every(isNode) || !slice.servers.every(isNode)) return unreadable(`an edge leads beyond node ${n}`);
  return ok(slice);
}

function unreadable(why: string) {
  return refuse('SLICE_UNREADABLE', `slice: ${why}; it is of another version or damaged, and can only be left out`);
}
