import { expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../base/random.ts';
import { Endpoint, Flow, GetFlowsResponse, IP } from '../wire/generated/hubble.ts';
import { itemOfHubble } from './hubble-flow.ts';
import { readHubbleMessage } from './hubble-stream.ts';

const mutationCount = Number(process.env.TESTUDO_FUZZ_MUTATIONS ?? 10_000);

const nothing = new Uint8Array();
const endpoint = (name: string) => ({
  ...Endpoint.decode(nothing),
  namespace: 'shop',
  podName: `${name}-0`,
  labels: [`k8s:app=${name}`, 'reserved:world'],
  identity: 7,
});
const flow: Flow = {
  ...Flow.decode(nothing),
  time: { seconds: 1_700_000_000n, nanos: 5 },
  verdict: 2,
  ip: { ...IP.decode(nothing), source: '10.0.0.1', destination: '::ffff:10.0.0.2' },
  l4: { protocol: { $case: 'tcp', value: { sourcePort: 40_000, destinationPort: 8080 } } },
  source: endpoint('web'),
  destination: endpoint('cart'),
  nodeName: 'n1',
  uuid: 'a-b-c',
  type: 1,
  trafficDirection: 1,
};
const messages = [
  { responseTypes: { $case: 'flow', value: flow }, nodeName: 'n1', time: undefined },
  {
    responseTypes: { $case: 'lostEvents', value: { source: 1, numEventsLost: 3n, cpu: 1 } },
    nodeName: 'n1',
    time: undefined,
  },
] as unknown as GetFlowsResponse[];

/** Bytes flipped, cut, doubled or put in, one to four times. */
function mutant(bytes: Uint8Array, random: Random): Uint8Array {
  let made: Buffer = Buffer.from(bytes);
  for (let times = 1 + Math.floor(random() * 4); times > 0; times--) {
    const at = Math.floor(random() * (made.length + 1));
    const [before, after] = [made.subarray(0, at), made.subarray(at)];
    const put = Buffer.from([Math.floor(random() * 256)]);
    const ways = [[before, put, after.subarray(1)], [before, put, after], [before], [before, after, after.subarray(3)]];
    made = Buffer.concat(ways[Math.floor(random() * ways.length)] as Buffer[]);
  }
  return made;
}

it(`makes one item of each of ${mutationCount} mutated messages that protobuf still reads`, {
  timeout: 600_000,
}, () => {
  const random = seededRandom(1);
  const originals = messages.map((message) => GetFlowsResponse.encode(message).finish());
  const kinds = new Map<string, number>();
  for (let count = 0; count < mutationCount; count++) {
    const bytes = mutant(originals[count % originals.length] as Uint8Array, random);
    let message: GetFlowsResponse;
    try {
      message = GetFlowsResponse.decode(bytes);
    } catch {
      continue; // gRPC ends the stream, which is reported as an interruption.
    }
    const { kind } = itemOfHubble(readHubbleMessage(message), 'here');
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  expect([...kinds.keys()].sort()).toEqual(expect.arrayContaining(['flow', 'skipped']));
});
