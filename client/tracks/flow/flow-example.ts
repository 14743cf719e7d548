import { z } from 'zod';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { unsignedZero } from '../../../base/text/number.ts';
import { endKinds, flowProtocols, manyPorts } from '../../events/flow-record.ts';
import type { ExampleCodec } from '../example-codec.ts';
import { withoutEdges } from './graph/features.ts';
import { postureIn, postureRecord } from './graph/posture-columns.ts';
import type { NamedSlice, SliceNames } from './graph/slice.ts';
import { decodeSlice, encodeSlice } from './graph/slice-codec.ts';

/**
 * A window as the encrypted buffer keeps it: length of the names (uint32), the names as JSON, the slice. The names are what
 * the local memory learns by; they leave neither the buffer nor the cluster. Routes and labels are left out. What is known of
 * the nodes' posture stands beside the names, so that builds that knew of none read the same bytes.
 */
export const windowCodec: ExampleCodec<NamedSlice> = {
  encode({ slice, names }) {
    const text = Buffer.from(
      JSON.stringify({
        nodes: names.nodes.map(({ kind, namespace, workload }) => [kind, namespace, workload]),
        edges: names.edges.map(({ protocol, port, count, firstMs, lastMs }) => [
          protocol,
          port,
          count,
          firstMs,
          lastMs,
        ]),
        ...(slice.posture !== undefined && { posture: postureRecord(slice.posture) }),
      }),
    );
    const head = Buffer.alloc(4);
    head.writeUInt32LE(text.length);
    return Buffer.concat([head, text, encodeSlice(slice)]);
  },

  decode(bytes): Result<NamedSlice, 'EXAMPLE_MALFORMED'> {
    const malformed = (why: string) => refuse('EXAMPLE_MALFORMED', `window: ${why}; this build did not write it`);
    if (bytes.length < 4) return malformed(`${bytes.length} bytes`);
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    if (length > bytes.length - 4) return malformed('its names are cut off');
    const slice = decodeSlice(bytes.subarray(4 + length));
    if (!slice.ok) return malformed(slice.fault.message);
    const read = namesOf(Buffer.from(bytes.subarray(4, 4 + length)).toString('utf8'));
    const names = read?.names;
    if (names?.nodes.length !== slice.value.nodeCount || names.edges.length !== slice.value.edgeCount) {
      return malformed('its names do not fit its edges');
    }
    if (read?.posture === undefined) return ok({ slice: slice.value, names });
    const posture = postureIn(read.posture, slice.value.nodeCount);
    if (posture === undefined) return malformed('its posture does not fit its nodes');
    return ok({ slice: { ...slice.value, posture }, names });
  },
};

/** Whoever wrote them: a sensor, or what stands in a buffer. */
const shape = z.object({
  nodes: z.array(z.tuple([z.enum(endKinds), z.string(), z.string()])),
  edges: z.array(
    z.tuple([
      z.enum(flowProtocols),
      z.int().min(0).max(manyPorts).transform(unsignedZero),
      z.number().min(0).transform(unsignedZero),
      z.number().transform(unsignedZero),
      z.number().transform(unsignedZero),
    ]),
  ),
  posture: z.unknown().optional(),
});

function namesOf(text: string): Readonly<{ names: SliceNames; posture: unknown }> | undefined {
  try {
    const { nodes, edges, posture } = shape.parse(JSON.parse(text));
    const names = {
      nodes: nodes.map(([kind, namespace, workload]) => ({ kind, namespace, workload })),
      edges: edges.map(([protocol, port, count, firstMs, lastMs]) => ({
        ...{ protocol, port, count, firstMs, lastMs },
        ...{ routes: [], labels: [] },
      })),
    };
    return { names, posture };
  } catch {
    return undefined;
  }
}

/** A window with some of its edges only; node features are those without the others. */
export function keepEdges({ slice, names }: NamedSlice, keeps: (edge: number) => boolean): NamedSlice {
  const hidden = Uint8Array.from({ length: slice.edgeCount }, (_, edge) => (keeps(edge) ? 0 : 1));
  return {
    slice: withoutEdges(slice, hidden),
    names: { nodes: names.nodes, edges: names.edges.filter((_, edge) => hidden[edge] === 0) },
  };
}
