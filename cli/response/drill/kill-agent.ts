import { isReady, type Pod } from './canary-pods.ts';
import type { OperatorsKubectl } from './kubectl.ts';
import { type Check, checkThat, type Drill, notMeasured } from './report.ts';
import { holds } from './waiting.ts';

export const killAgent: Drill = {
  name: 'kill-agent',
  asks: 'if the agent that answers in pods dies now, does another go on where it was?',
  does:
    'read who holds the lease of the agents and which pods are in quarantine or being rotated; delete the pod of the agent that holds it; wait for the ' +
    'next to hold it',
  expects:
    'another agent holds the lease within two minutes, and no pod has fallen out of quarantine or half-way out of a rotation',
  needs: "kubectl with the rights to read leases and to delete pods in the agent's namespace, and to list pods",
  undoes: 'nothing: the StatefulSet or Deployment of the agent starts it again; the agent really is away meanwhile',
  isHarmless: false,
};

type Lease = Readonly<{ spec?: Readonly<{ holderIdentity?: string; renewTime?: string }> }>;

const heldMsMax = 120_000;
const finishedMsMax = 120_000;
const held = 'the lease of the agents';
const heldExpected = 'held again within two minutes, by an agent that began after the kill';
const quarantined = 'testudo.io/quarantined';
const marked = 'pods in quarantine';
const markedExpected = 'all of them are in it still, or gone';
const begun = 'pods that were being rotated';
const begunExpected = 'each has gone or been put back within two minutes more';

/** Kills the agent that leads. `lease`: its name in the namespace of `kubectl`. */
export async function runKillAgent(
  kubectl: OperatorsKubectl,
  lease: string,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const leaseOf = async () => {
    const text = await kubectl.run(['get', 'lease', lease, '--ignore-not-found', '-o', 'json']);
    return (text.trim() === '' ? {} : (JSON.parse(text) as Lease)).spec ?? {};
  };
  const before = await leaseOf();
  const holder = before.holderIdentity ?? '';
  const victim = holder === '' ? undefined : await podNamed(kubectl, holder);
  if (victim === undefined) return nobodyLeads(lease, holder);
  const isolated = await marks(kubectl, quarantined);
  const rotating = await marks(kubectl, 'testudo.io/rotating');
  const { name, uid } = victim.metadata;
  await kubectl.run(['delete', 'pod', name, '--grace-period=1', '--wait=false']);
  const sinceMs = performance.now();
  let next = '';
  let renewedAtFirst: string | undefined;
  const isHeld = await holds(heldMsMax, signal, async () => {
    const { holderIdentity = '', renewTime = '' } = await leaseOf();
    const pod = holderIdentity === '' ? undefined : await podNamed(kubectl, holderIdentity);
    if (pod === undefined || pod.metadata.uid === uid || !isReady(pod)) return false;
    next = holderIdentity;
    // An agent of a StatefulSet bears the name of the one before it: that it renews while the new pod runs tells them apart.
    renewedAtFirst ??= renewTime;
    return holderIdentity !== holder || renewTime !== renewedAtFirst;
  });
  const tookS = ((performance.now() - sinceMs) / 1_000).toFixed(1);
  const happened = isHeld
    ? `held by ${next} ${tookS} s after ${holder} was killed, looked at through kubectl`
    : `nobody new holds it after ${heldMsMax / 1_000} s`;
  return [
    checkThat(held, heldExpected, happened, isHeld, `kubectl describe pod ${name}: why is no agent running?`),
    await stillIn(kubectl, isolated),
    await finished(kubectl, rotating, signal),
  ];
}

function nobodyLeads(lease: string, holder: string): readonly Check[] {
  const why =
    holder === ''
      ? `nobody holds the lease ${lease}: no agent runs here`
      : `its holder ${holder} is no pod of this namespace`;
  const remedy = "name the agent's namespace (--namespace) and its lease (--lease); nothing was killed";
  return [
    notMeasured(held, heldExpected, why, remedy),
    notMeasured(marked, markedExpected, 'nothing was killed'),
    notMeasured(begun, begunExpected, 'nothing was killed'),
  ];
}

async function podNamed(kubectl: OperatorsKubectl, name: string): Promise<Pod | undefined> {
  const { code, out, error } = await kubectl.try(['get', 'pod', name, '--ignore-not-found', '-o', 'json']);
  if (code !== 0) throw new Error(`kubectl get pod ${name}: ${error.trim()}`);
  return out.trim() === '' ? undefined : (JSON.parse(out) as Pod);
}

/** Pods of every namespace with this label, by uid; undefined where they may not be listed. */
async function marks(kubectl: OperatorsKubectl, label: string): Promise<ReadonlySet<string> | undefined> {
  const { code, out } = await kubectl.try(['get', 'pods', '--all-namespaces', '-l', label, '-o', 'json']);
  if (code !== 0) return undefined;
  return new Set((JSON.parse(out) as { items: Pod[] }).items.map(({ metadata }) => metadata.uid));
}

async function stillIn(kubectl: OperatorsKubectl, before: ReadonlySet<string> | undefined): Promise<Check> {
  if (before === undefined) return notMeasured(marked, markedExpected, 'pods of all namespaces may not be listed');
  if (before.size === 0) return notMeasured(marked, markedExpected, 'there was none');
  const { code, out } = await kubectl.try(['get', 'pods', '--all-namespaces', '-o', 'json']);
  if (code !== 0) return notMeasured(marked, markedExpected, 'pods could not be listed any more');
  // One listing of pods and of their marks: a pod that went between two of them would seem to have lost its mark.
  const { items } = JSON.parse(out) as { items: Pod[] };
  const lost = items.filter(({ metadata: { uid, labels } }) => before.has(uid) && labels?.[quarantined] === undefined);
  const happened =
    lost.length === 0 ? `${before.size} of ${before.size}` : `${lost.length} of ${before.size} fell out of it`;
  return checkThat(marked, markedExpected, happened, lost.length === 0, 'look who patches pods: `kubectl get events`');
}

async function finished(
  kubectl: OperatorsKubectl,
  before: ReadonlySet<string> | undefined,
  signal: AbortSignal,
): Promise<Check> {
  if (before === undefined) return notMeasured(begun, begunExpected, 'pods of all namespaces may not be listed');
  if (before.size === 0) return notMeasured(begun, begunExpected, 'there was none');
  let left = before.size;
  const did = await holds(finishedMsMax, signal, async () => {
    const now = await marks(kubectl, 'testudo.io/rotating');
    if (now === undefined) return false; // Nobody knows: that is no end.
    left = [...before].filter((uid) => now.has(uid)).length;
    return left === 0;
  });
  if (did) return checkThat(begun, begunExpected, `${before.size} of ${before.size} ended`, true);
  const why = `${left} of ${before.size} are still half-way, which a replacement or a budget that takes its time explains too`;
  return notMeasured(begun, begunExpected, why, '`testudo agent pods` says what each of them waits for');
}
