import { releaseOf, templateHash } from '../../../client/response/rotation/marks.ts';
import {
  container,
  drillId,
  isReady,
  make,
  type Pod,
  podSpec,
  podsOf,
  readyMsMax,
  served,
  serviceOf,
  unmake,
  workloadOf,
} from './canary-pods.ts';
import { type Seen, watchEndpoints } from './endpoint-watch.ts';
import type { OperatorsKubectl } from './kubectl.ts';
import { type Check, checkThat, type Drill, notMeasured } from './report.ts';
import { holds, until } from './waiting.ts';

export const rotateCanary: Drill = {
  name: 'rotate-canary',
  asks: 'can a pod of this namespace be replaced without its service ever being away?',
  does:
    'make a Deployment of one pod that may not be disrupted, and a Service before it; then replace the pod as the rotation agent does: ' +
    "release it by the agent's very patch, wait for another, evict the first; no pod of yours is touched",
  expects: 'as it stands the pod may not be evicted; released it may, and the Service always has somebody to send to',
  needs: 'kubectl with the rights to make, patch, evict and delete pods in the namespace',
  undoes: 'everything that it made is deleted, also when it fails or is interrupted half-way',
  isHarmless: true,
};

const port = 8_080;
const goneMsMax = 60_000;

/** Runs it; rejects where it could not even begin, or was told to end, after undoing what it made. */
export async function runRotateCanary(
  kubectl: OperatorsKubectl,
  image: string,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const id = drillId();
  let canary: Pod | undefined;
  let watch: ReturnType<typeof watchEndpoints> | undefined;
  try {
    await make(kubectl, objectsOf(id, image));
    const ready = async () => (await podsOf(kubectl, id)).find(isReady);
    canary = await until(readyMsMax, signal, `a ready pod of ${image}`, ready);
    const address = canary.status.podIP ?? '';
    const isServed = async () => (await served(kubectl, id)).includes(address);
    await until(readyMsMax, signal, 'the pod in its Service', isServed);
    watch = watchEndpoints(kubectl, id);
    const { hasBegun } = watch;
    await until(readyMsMax, signal, 'the watch of its Service', async () => hasBegun());
    const checks = [await asItStands(kubectl, id, canary)];
    const { uid } = canary.metadata;
    await release(kubectl, canary);
    const isNew = (pod: Pod) => pod.metadata.uid !== uid && isReady(pod);
    const sinceMs = performance.now();
    const came = await holds(readyMsMax, signal, async () => (await podsOf(kubectl, id)).some(isNew));
    const tookMs = Math.round(performance.now() - sinceMs);
    const happened = came ? `another pod was ready after at most ${tookMs} ms` : 'no other pod became ready';
    const remedy = 'look for a quota or a scheduler without room: a rotation here ends by putting the pod back';
    checks.push(checkThat('the replacement', 'another pod, ready, before the first goes', happened, came, remedy));
    checks.push(came ? await evicted(kubectl, canary, signal) : notMeasured(goes, goesExpected, 'nothing replaced it'));
    checks.push(alwaysServed(watch.seen()));
    return checks;
  } finally {
    watch?.stop();
    const names = ['deployment', 'service', 'poddisruptionbudget'].map((kind) => `${kind}/${id}`);
    // The pod that was released has no owner: nothing but its name finds it.
    await unmake(kubectl, [...names, ...(canary === undefined ? [] : [`pod/${canary.metadata.name}`])]);
  }
}

const goes = 'the eviction of the first pod';
const goesExpected = 'granted, since another stands in for it, and the pod ends';

/** With its budget as it is: a rotation that simply evicts would have to wait for ever. */
async function asItStands(kubectl: OperatorsKubectl, id: string, canary: Pod): Promise<Check> {
  await kubectl.run(['wait', `pdb/${id}`, '--for=jsonpath={.status.currentHealthy}=1', '--timeout=60s']);
  const { code, error } = await evict(kubectl, canary, { dryRun: ['All'] });
  return checkThat(
    'an eviction of the only pod, asked for and not done',
    'refused by its disruption budget',
    code === 0 ? 'granted: the budget does not hold here' : `refused: ${error.trim().slice(0, 160)}`,
    code !== 0 && /disruption budget/i.test(error),
    'look whether the controllers of disruption budgets run',
  );
}

async function evicted(kubectl: OperatorsKubectl, canary: Pod, signal: AbortSignal): Promise<Check> {
  // The budget's controller learns of the second pod a moment after it is ready.
  let refused = '';
  let isOthers = false;
  const isGone = async () => {
    const { code, out } = await kubectl.try(['get', 'pod', canary.metadata.name, '-o', 'jsonpath={.metadata.uid}']);
    return code !== 0 || out.trim() !== canary.metadata.uid;
  };
  const isGranted = await holds(goneMsMax, signal, async () => {
    if (await isGone()) isOthers = true;
    if (isOthers) return true;
    const { code, error } = await evict(kubectl, canary);
    refused = error.trim().slice(0, 160);
    return code === 0;
  });
  if (!isGranted)
    return checkThat(goes, goesExpected, `refused: ${refused}`, false, 'look at the budgets that select it');
  const did = await holds(goneMsMax, signal, isGone);
  const by = isOthers ? 'done by somebody else, as an agent that runs here does' : 'granted';
  const remedy = 'look for a finalizer, or a node that does not answer';
  return checkThat(goes, goesExpected, did ? `${by}; the pod is gone` : `${by}; the pod does not end`, did, remedy);
}

function alwaysServed({ changes, gaps, isWhole }: Seen): Check {
  const [what, expected] = ['the Service all the while', 'at no moment without a ready pod'];
  if (!isWhole) return notMeasured(what, expected, 'the watch of its endpoints ended early');
  const happened = gaps === 0 ? `never without one, in ${changes} states` : `without one ${gaps} times`;
  return checkThat(
    what,
    expected,
    happened,
    gaps === 0,
    'do not let the agent rotate here: tell its makers of this report',
  );
}

async function release(kubectl: OperatorsKubectl, { metadata }: Pod): Promise<void> {
  const { name, uid, resourceVersion, labels = {}, ownerReferences: [set] = [] } = metadata;
  const hash = labels[templateHash] ?? '';
  if (set?.kind !== 'ReplicaSet' || hash === '') throw new Error(`pod ${name} is not of a Deployment as it should be`);
  const replicaSet = await kubectl.json<Pod>(['get', 'replicaset', set.name]);
  const deployment = replicaSet.metadata.ownerReferences?.[0]?.uid ?? '';
  const change = { metadata: { uid, resourceVersion, ...releaseOf({ uid }, set, deployment, hash, Date.now()) } };
  await kubectl.run(['patch', 'pod', name, '--type=merge', '-p', JSON.stringify(change)]);
}

/** By its uid: a name is used again. */
function evict(kubectl: OperatorsKubectl, { metadata: { name, namespace, uid } }: Pod, more: object = {}) {
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: { preconditions: { uid }, ...more },
  };
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
  return kubectl.try(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
}

function objectsOf(id: string, image: string): readonly object[] {
  const budget = { minAvailable: 1, selector: { matchLabels: { 'testudo-drill': id } } };
  return [
    { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: id }, spec: budget },
    // An agent that runs here shall not begin a rotation of its own meanwhile.
    workloadOf(id, podSpec(container('canary', image, 'exec sleep 600')), { 'testudo.io/rotation-mode': 'off' }),
    serviceOf(id, port),
  ];
}
