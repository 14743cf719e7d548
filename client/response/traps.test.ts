import { expect, it } from 'vitest';
import { expectNamed, type NamedTest } from './testing/named-tests.ts';

const rotation = 'client/response/rotation/rotation.test.ts';
const others = 'client/response/rotation/others-errors.test.ts';
const plane = 'client/response/cluster/traps.kube.test.ts';
const api = 'client/response/cluster/api-cluster.kube.test.ts';
const calls = 'client/response/cluster/api-cluster.test.ts';
const replies = 'client/response/cluster/reply.test.ts';
const lease = 'client/response/cluster/lease.test.ts';
const quarantine = 'client/response/quarantine/quarantine.kube.test.ts';
const killed = 'client/response/quarantine/killed-agent.kube.test.ts';
const suspects = 'client/response/quarantine/suspects.test.ts';
const chart = 'deploy/chart/agent.kube.test.ts';
const probe = 'cli/response/drill/quarantine-probe.kube.test.ts';
const connections = 'cli/response/drill/connection-checks.test.ts';

/**
 * What others that rotate or isolate pods fell into, each with the tests that hold it: by file, what their names begin with. The numbers are
 * those of the design's list; 32 to 40 are of a client library that is not used here.
 */
const traps: Readonly<Record<number, readonly [what: string, ...held: readonly NamedTest[]]>> = {
  1: [
    'a pending pod is evicted whatever its budget says',
    [plane, 'evicts a pod that does not run yet'],
    [rotation, 'never evicts what is not running and ready'],
  ],
  2: [
    'so is one that is not ready',
    [plane, 'evicts a pod that does not run yet'],
    [rotation, 'leaves pods alone for %s', 'a pod of the workload that is not ready'],
  ],
  3: [
    'two budgets on one pod',
    [api, 'refuses to evict another pod'],
    [replies, 'reads %s', 'two budgets on one pod, as a 201 whose body is a failure'],
    [rotation, 'leaves pods alone for %s', 'two budgets on one pod'],
  ],
  4: [
    '429 has three meanings',
    [replies, 'reads %s', 'a busy server'],
    [rotation, 'waits as each kind of 429 asks for'],
  ],
  5: [
    'no budget allows everything',
    [plane, 'evicts the only pod of a workload'],
    [rotation, 'leaves pods alone for %s', 'a floor without a budget, in evict mode'],
  ],
  6: [
    'a budget that its controller has not seen',
    [rotation, 'leaves pods alone for %s', 'a budget that its controller has not seen'],
    [replies, 'reads %s', 'a budget that nobody has looked at'],
  ],
  7: [
    'an eviction may keep the server for ten seconds',
    [calls, 'evicts by uid'],
    [rotation, 'asks nobody else to go'],
  ],
  8: [
    'names are used again',
    [api, 'refuses to evict another pod of the same name'],
    [plane, 'lets a uid that is wrong use up a budget'],
  ],
  9: [
    'who was evicted stands by name for two minutes',
    [plane, 'lets a uid that is wrong use up a budget'],
    [others, 'asks a budget that counts the replacement as evicted'],
  ],
  10: [
    'a namespace that ends',
    [plane, 'refuses an eviction in a namespace that ends'],
    [rotation, 'waits as each kind of 429'],
  ],
  11: ['no grace loses data', [calls, 'evicts by uid'], [chart, 'may write its own labels']],
  12: [
    'a rollout, a drain or an autoscaler at the same time',
    [rotation, 'leaves pods alone for %s', 'a rollout that nobody has seen yet'],
    [rotation, 'leaves pods alone for %s', 'a cordoned node'],
    [rotation, 'leaves pods alone for %s', 'another who evicts it'],
    [others, 'waits after a change of size'],
  ],
  13: [
    'what nobody replaces',
    [others, 'leaves the pods of a %s alone', 'Job'],
    ['client/response/rotation/rotation.kube.test.ts', 'leaves alone what nobody would replace'],
  ],
  14: [
    'data of its own',
    ['client/response/rotation/rotation.kube.test.ts', 'leaves alone what nobody would replace'],
    [rotation, 'leaves pods alone for %s', 'data of its own'],
  ],
  15: ['a pod that ends for ever', [others, 'counts a pod that never ends']],
  16: ['another way to evict will come', [calls, 'is the only one that knows how a pod is evicted']],
  17: [
    'policies add up',
    [quarantine, 'asks where the policy says so'],
    ['client/response/quarantine/isolation.test.ts', 'agrees with an evaluator'],
  ],
  18: [
    'connections that stand may live on',
    [probe, 'says what the control plane did'],
    [connections, 'is not as expected where the network enforces nothing, or lets live what stands'],
  ],
  19: [
    'nobody may enforce policies',
    [probe, 'says what the control plane did'],
    [connections, 'is not as expected where the network enforces nothing, or lets live what stands'],
    [connections, 'takes no silence of a pod that ended'],
  ],
  20: [
    "pods on the node's network",
    [quarantine, 'evicts a pod of a StatefulSet'],
    [suspects, 'leaves alone %s', "a pod on the node's network"],
  ],
  21: [
    'a quarantine by half',
    [killed, 'leaves a pod that is in quarantine'],
    ['client/response/quarantine/histories.test.ts', 'is never by half'],
    ['client/response/killed-api-server.kube.test.ts', 'leaves no pod in quarantine by half'],
  ],
  22: [
    'a StatefulSet stalls on a relabelled pod',
    [plane, 'stalls a StatefulSet'],
    [suspects, 'isolates what a ReplicaSet replaces'],
  ],
  23: [
    "a DaemonSet's pod comes back on its node",
    [suspects, 'leaves alone %s', "a DaemonSet's pod"],
    [others, 'leaves the pods of a %s alone', 'DaemonSet'],
  ],
  24: ['a release asks no budget', [quarantine, 'asks disruption budgets first']],
  25: [
    'labels given back end another pod',
    [api, 'puts back what was released'],
    [quarantine, 'takes a suspect pod out of its Service'],
  ],
  26: ['who may patch pods may change images', [chart, 'may write its own labels']],
  27: [
    'isolation costs evidence',
    [killed, 'leaves a pod that is in quarantine'],
    ['client/response/quarantine/network-probes.test.ts', 'names the containers'],
  ],
  28: [
    'nothing is frozen through the API: no right to enter a pod',
    [chart, 'is admitted under restricted, has the rights it needs'],
  ],
  29: ["the pod's token stays good", [plane, 'keeps a token good']],
  30: ['nodes/proxy is exec everywhere', [chart, 'is admitted under restricted, has the rights it needs']],
  31: ['names must be resolved', ['deploy/chart/render.kube.test.ts', 'lets names be resolved']],
  41: [
    'a loop that stands still, and a lease that is over',
    [lease, 'is over for its holder before another may take it'],
    ['client/response/two-agents.kube.test.ts', 'do what one would'],
    ['client/response/agent-config.test.ts', 'are few'],
  ],
  42: [
    'verdicts on tokens are kept, and audiences not asked',
    [plane, 'keeps a token good'],
    ['client/hub/token-review.test.ts', 'takes no token for another audience'],
  ],
  43: [
    'a watch by label says of a living pod that it is gone',
    [plane, 'tells a watch by label'],
    [quarantine, 'takes a suspect pod out of its Service'],
  ],
};

it('each has a test that is there', () => {
  const numbers = [...Array.from({ length: 31 }, (_, at) => at + 1), 41, 42, 43];
  expect(Object.keys(traps).map(Number)).toEqual(numbers);
  for (const [number, [what, ...held]] of Object.entries(traps)) expectNamed(`${number}: ${what}`, held);
});
