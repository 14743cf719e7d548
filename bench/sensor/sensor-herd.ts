/**
 * The hub's side of many sensors in one process: `node sensor-herd.ts CONFIG`. Each has a link, a release agent that verifies and
 * stores what it fetches, and tells a few contents at each heartbeat. Prints a JSON line for each release that a sensor runs.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { parseAddress } from '../../client/link/address.ts';
import { defaultAgentTimes } from '../../client/releases/agent-ports.ts';
import { connectToHub } from '../../client/releases/grpc/connect-to-hub.ts';
import { ReleaseAgent } from '../../client/releases/release-agent.ts';
import { LightFiles } from '../../client/releases/testing/light-files.ts';
import { HubLink, hubStallMs } from '../../client/sensor/hub-link.ts';
import { encodeExample } from '../../client/tracks/syscall/traces/example.ts';
import { DeliverRequest } from '../../proto/generated/testudo/v1/sensors.ts';
import { parseTrackId } from '../../proto/ids.ts';

type Config = Readonly<{
  hub: Readonly<{ address: string; admissionAddress: string; authorityFile: string; tokenFile: string }>;
  folder: string;
  /** The number of the first one, and how many there are. */
  first: number;
  sensors: number;
}>;
const config = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as Config;
const track = parseTrackId('syscall');
const signal = new AbortController().signal;
let batches = 0;
/** On average, as client/sensor/courier.ts has it. */
const heartbeatMs = 10_000;
const address = unwrap(parseAddress(config.hub.address));
const admissionAddress = unwrap(parseAddress(config.hub.admissionAddress));

/** Sensors that are started beside each other: that two hundred come at once is not what is measured. */
const startingMax = 8;
let started = 0;
await Promise.all(
  Array.from({ length: startingMax }, async () => {
    while (started < config.sensors) await startSensor(`node-${config.first + started++}`);
  }),
);

/** Resolves when it runs its first release. */
async function startSensor(node: string): Promise<void> {
  const link = new HubLink({ ...config.hub, address, admissionAddress, node }, systemTimers);
  for (;;) {
    const admitted = await link.admitted(signal);
    if (admitted.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 500 * Math.random()));
  }
  const runs = Promise.withResolvers<void>();
  const reconnect = { firstMs: 500, maxMs: 5_000 };
  const agent = await ReleaseAgent.open(
    {
      folder: join(config.folder, 'herd', node),
      addresses: [address],
      connect: connectToHub,
      hosts: new Map([[track, new LightFiles()]]),
      keepReleases: 1,
      trustAnchor: undefined,
      labels: undefined,
      lightAlone: true,
      times: { ...defaultAgentTimes, reconnect, retry: { firstMs: 500, maxMs: 5_000 }, stallMs: hubStallMs },
    },
    {
      report: (event) => {
        if (event.kind !== 'installed') return;
        process.stdout.write(`${JSON.stringify({ node, version: event.version, atMs: Date.now() })}\n`);
        runs.resolve();
      },
      unit: Math.random,
      timers: systemTimers,
    },
  );
  await agent.restore();
  agent.connect(() => {
    if (link.identity === undefined) throw new Error('admitted before');
    return link.identity;
  });
  void keepTelling(link);
  await runs.promise;
}

/** As a sensor does: the next batch when the last one was answered. */
async function keepTelling(link: HubLink): Promise<never> {
  for (;;) {
    // Apart from each other, as those of sensors that were started at different times.
    await new Promise((resolve) => setTimeout(resolve, heartbeatMs * (0.5 + Math.random())));
    await tell(link);
  }
}

async function tell(link: HubLink): Promise<void> {
  const examples = Array.from({ length: 4 }, () => {
    const calls = new Uint16Array(Uint8Array.from(randomBytes(400), (byte) => byte & 0x7f).buffer).map(
      (call) => 2 + (call % 300),
    );
    const example = encodeExample({ workload: 'nginx', calls });
    return { track, content: createHash('sha256').update(example).digest().subarray(0, 16), example, count: 1n };
  });
  batches += 1;
  await link.deliver(
    DeliverRequest.fromPartial({ batch: `herd-${config.first}-${batches}`, examples, status: { step: 'full' } }),
    signal,
  );
}
