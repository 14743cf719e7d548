/** An agent in a process of its own that kills itself at one moment: what a power cut does. Told what by its first argument. */
import { readFileSync } from 'node:fs';
import { parseTrackId } from '../../../proto/ids.ts';
import type { Address } from '../../link/address.ts';
import type { ClusterIdentity } from '../../link/identity-store.ts';
import type { AgentEvent } from '../agent-ports.ts';
import type { ModelHost } from '../hosts/model-host.ts';
import { StoredModels } from '../hosts/stored-models.ts';
import { AgentRig } from './agent-rig.ts';

export type KilledAgent = Readonly<{
  folder: string;
  address: Address;
  /** The seed and the receipt key in base64: JSON holds no bytes. */
  identity: Omit<ClusterIdentity, 'signingSeed' | 'receiptKey'> & { signingSeed: string; receiptKey: string };
  /** An event's kind, or inside the host's swap; the version says which release's. */
  at: AgentEvent['kind'] | 'swap';
  version: number;
}>;

const job = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as KilledAgent;
const track = parseTrackId('syscall');
const die = () => process.kill(process.pid, 'SIGKILL');
const stored = new StoredModels();
const host: ModelHost = {
  load: (model) => stored.load(model),
  async swap(model) {
    if (job.at === 'swap' && model.startsWith(`${job.version}/`)) die();
    return await stored.swap(model);
  },
  shadow: (model) => stored.shadow(model),
  drop: (model) => stored.drop(model),
  judgeKnown: () => stored.judgeKnown(),
};
let wanted = false;
const rig = await AgentRig.open({
  folder: job.folder,
  address: job.address,
  track,
  identity: {
    ...job.identity,
    signingSeed: Buffer.from(job.identity.signingSeed, 'base64'),
    receiptKey: Buffer.from(job.identity.receiptKey, 'base64'),
  },
  host,
  onEvent: (event) => {
    // The set of the wanted version is on its way from its first check on.
    if (event.kind === 'checked' && rig?.agent.liveVersion(track) !== undefined) wanted = true;
    if (event.kind === job.at && wanted) die();
  },
});
rig.connect();
