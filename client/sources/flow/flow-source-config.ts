import { isIP } from 'node:net';
import { z } from 'zod';
import { endKinds } from '../../events/flow-record.ts';

const path = z.string().min(1).max(4_096);
const follow = z.boolean().default(true);
const name = z.string().min(1).max(253);

const isNetwork = (text: string) => {
  const [address = '', bits] = text.split('/');
  const version = isIP(address);
  return (
    version !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 6 ? 128 : 32)))
  );
};

/** Of a file that holds several clusters or applications, the one to read. */
const part = name.optional();

/** Who is behind addresses, for sources that know nothing else. */
const addresses = z
  .array(
    z.strictObject({
      network: z.string().refine(isNetwork, 'expected an address or CIDR, such as "10.0.0.0/16"'),
      kind: z.enum(endKinds).exclude(['folded']).optional(),
      namespace: name.optional(),
      workload: name.optional(),
    }),
  )
  .max(10_000)
  .default([]);

/** How much longer after its end than others a flow may be written down and still count, seconds. */
const latenessS = z.number().min(0).max(86_400).optional();

/** TLS to a sensor; PEM files, read anew for every connection. Absent: plaintext. */
const tls = z
  .strictObject({
    serverName: name.optional(),
    caFile: path.optional(),
    certFile: path.optional(),
    keyFile: path.optional(),
  })
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    message: 'expected certFile and keyFile together, or neither',
  })
  .optional();

/** Settings of the sources that yield flows. */
export const flowSourceKinds = [
  /** Hubble's flow exporter, followed through rotations. */
  z.strictObject({ kind: z.literal('hubbleFile'), path, follow, latenessS }),
  /** Hubble's Observer.GetFlows: an agent's Unix socket or Relay's host:port. */
  z.strictObject({ kind: z.literal('hubbleGrpc'), address: z.string().min(1), tls }),
  /** Flow records with a header that names the layout. */
  z.strictObject({ kind: z.literal('flowCsv'), path, follow, addresses, part, latenessS }),
  /** Logs of connections as Zeek, Suricata, nfdump and the clouds write them: the file's first lines tell which. */
  z.strictObject({ kind: z.literal('flowLog'), path, follow, addresses, part, latenessS }),
  /** Both as a finished recording, plain or gzip: only rows with these `labels` are learnt from. */
  z.strictObject({
    kind: z.literal('flowRecording'),
    path,
    addresses,
    part,
    labels: z.array(z.string()).default(['normal']),
  }),
  /** Envoy's (Istio's) access log in JSON or text, or a gateway's in the common format, of the workload that is named. */
  z.strictObject({
    kind: z.literal('meshAccessLog'),
    path,
    follow,
    namespace: name,
    workload: name,
    addresses,
  }),
] as const;
