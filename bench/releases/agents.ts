/**
 * Child of releases.bench.ts: many release agents in one process, each with its own identity, connection and folder, and
 * models that are checked and kept, not opened. Lines on stdout: "ready" once each has installed something, and as JSON
 * every install whose report the coordinator has journalled.
 */

import { join } from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { parseAddress } from '../../client/link/address.ts';
import { enrol } from '../../client/link/enrol.ts';
import { defaultAgentTimes } from '../../client/releases/agent-ports.ts';
import { connectOverGrpc } from '../../client/releases/grpc/connect.ts';
import { StoredModels } from '../../client/releases/hosts/stored-models.ts';
import { ReleaseAgent } from '../../client/releases/release-agent.ts';
import { parseTrackId } from '../../proto/ids.ts';
import { parseJoinToken } from '../../proto/join-token.ts';

type Task = Readonly<{
  addresses: Readonly<{ enrolment: string; federation: string }>;
  tokens: readonly string[];
  track: string;
  folder: string;
}>;

process.stdin.on('end', () => process.exit()).resume(); // Ends with the process that started it.
const { addresses, tokens, track, folder } = JSON.parse(process.argv[2] as string) as Task;
const enrolment = unwrap(parseAddress(addresses.enrolment));
const federation = unwrap(parseAddress(addresses.federation));

const installed = tokens.map(async (token, at) => {
  const identity = unwrap(
    await enrol(enrolment, unwrap(parseJoinToken(token)), { timeoutMs: 60_000, timers: systemTimers }),
  );
  const { promise, resolve } = Promise.withResolvers<void>();
  const agent = await ReleaseAgent.open(
    {
      folder: join(folder, String(at)),
      addresses: [federation],
      connect: connectOverGrpc,
      hosts: new Map([[parseTrackId(track), new StoredModels()]]),
      keepReleases: 1,
      trustAnchor: undefined,
      labels: undefined,
      times: defaultAgentTimes,
    },
    {
      report: (event) => {
        if (event.kind === 'refused') console.error(`agent ${at}: ${event.fault.code} ${event.fault.message}`);
        if (event.kind !== 'acknowledged' || event.report.outcome !== 'installed') return;
        console.log(JSON.stringify({ version: event.report.version, atMs: Date.now() }));
        resolve();
      },
      unit: Math.random,
      timers: systemTimers,
    },
  );
  agent.connect(() => identity);
  await promise;
});
await Promise.all(installed);
console.log('ready');
