import { isIP } from 'node:net';
import { z } from 'zod';
import { endKinds } from '../../events/flow-record.ts';

/** What sources of other kinds are told too. */
export const path = z
  .string()
  .min(1)
  .max(4_096)
  .describe("the file; beside the configuration's own folder where it is relative");

export const follow = z
  .boolean()
  .default(true)
  .describe('wait for what is still written, through rotations; `false`: read it once, from its beginning');

const file = z.string().min(1).max(4_096);
const name = z.string().min(1).max(253);

const isNetwork = (text: string) => {
  const [address = '', bits] = text.split('/');
  const version = isIP(address);
  return (
    version !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 6 ? 128 : 32)))
  );
};

const part = name.optional().describe('of a file that holds several clusters or applications, the one to read');

const addresses = z
  .array(
    z.strictObject({
      network: z
        .string()
        .refine(isNetwork, 'expected an address or CIDR, such as "10.0.0.0/16"')
        .describe('an address or CIDR; of several entries that hold an address the first counts'),
      kind: z.enum(endKinds).exclude(['folded']).optional().describe('what is there; `workload` unless given'),
      namespace: name.optional().describe('of the workload that is there'),
      workload: name.optional().describe('its name; the address itself unless given'),
    }),
  )
  .max(10_000)
  .default([])
  .describe('who is behind addresses, for sources that know nothing else');

/** `unless`: what is taken where it is not given. */
const latenessS = (unless: string) =>
  z
    .number()
    .min(0)
    .max(86_400)
    .optional()
    .describe(`how long after it ended a flow may be written down and still count, seconds; ${unless} unless given`);

const tls = z
  .strictObject({
    serverName: name.optional().describe("what its certificate is for, where that is not the address's host"),
    caFile: file.optional().describe('PEM: who may have issued its certificate; the authorities that Node ships with'),
    certFile: file.optional().describe('PEM: a certificate to show, where it asks for one'),
    keyFile: file.optional().describe('PEM: the key of it'),
  })
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    message: 'expected certFile and keyFile together, or neither',
  })
  .optional()
  .describe('TLS to it, with files that are read anew for every connection; plaintext unless given');

/** Settings of the sources that yield flows. */
export const flowSourceKinds = [
  /** Hubble's flow exporter, followed through rotations. */
  z.strictObject({ kind: z.literal('hubbleFile'), path, follow, latenessS: latenessS('none') }),
  /** Hubble's Observer.GetFlows: an agent's Unix socket or Relay's host:port. */
  z.strictObject({
    kind: z.literal('hubbleGrpc'),
    address: z.string().min(1).describe("an agent's Unix socket (`unix:///…`) or Relay's `host:port`"),
    tls,
  }),
  /** Flow records with a header that names the layout. */
  z.strictObject({ kind: z.literal('flowCsv'), path, follow, addresses, part, latenessS: latenessS('150') }),
  /** Logs of connections as Zeek, Suricata, nfdump and the clouds write them: the file's first lines tell which. */
  z.strictObject({ kind: z.literal('flowLog'), path, follow, addresses, part, latenessS: latenessS('900') }),
  /** Both as a finished recording, plain or gzip: only rows with these `labels` are learnt from. */
  z.strictObject({
    kind: z.literal('flowRecording'),
    path,
    addresses,
    part,
    labels: z.array(z.string()).default(['normal']).describe('rows with these are learnt from, and no others'),
  }),
  /** Envoy's (Istio's) access log in JSON or text, or a gateway's in the common format, of the workload that is named. */
  z.strictObject({
    kind: z.literal('meshAccessLog'),
    path,
    follow,
    namespace: name.describe('of the workload whose log it is'),
    workload: name.describe('whose log it is; a gateway is one too'),
    addresses,
  }),
] as const;
