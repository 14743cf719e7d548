import { it } from 'vitest';
import { expectNamed, type NamedTest } from './testing/named-tests.ts';

const replies = 'client/response/cluster/reply.test.ts';
const rotation = 'client/response/rotation/rotation.test.ts';
const reflector = 'client/kube/reflector.test.ts';
const podWatch = 'client/kube/pod-watch.kube.test.ts';
const policy = 'client/response/quarantine/policy-feed.test.ts';
const histories: readonly NamedTest[] = [
  ['client/response/rotation/histories.test.ts', 'keeps every promise'],
  ['client/response/quarantine/histories.test.ts', 'is never by half'],
];

/** What may go wrong around an agent, each with the tests that hold it. Many of them at once, ten thousand times: `npm run campaign:response`. */
const faults: Readonly<Record<string, readonly NamedTest[]>> = {
  'the API server is killed in the middle': [
    ['client/response/killed-api-server.kube.test.ts', 'leaves no rotation half done'],
    ['client/response/killed-api-server.kube.test.ts', 'leaves no pod in quarantine by half'],
    [podWatch, 'goes on where it was after the API server was killed'],
    [reflector, 'hears of a server that is back within a second'],
  ],
  'the agent is killed in the middle': [
    ['client/response/rotation/killed.kube.test.ts', 'leaves nothing half done at any step'],
    ['client/response/quarantine/killed-agent.kube.test.ts', 'leaves a pod that is in quarantine or one that is not'],
    ...histories,
  ],
  'two agents at once': [
    ['client/response/two-agents.kube.test.ts', 'do what one would'],
    ['client/response/cluster/lease.test.ts', 'lets one lead'],
    ...histories.slice(0, 1),
  ],
  'the lease is lost while the loop stands still': [
    ['client/response/two-agents.kube.test.ts', 'do what one would'],
    ['client/response/cluster/lease.test.ts', 'is over for its holder before another may take it'],
    ['client/response/cluster/api-cluster.kube.test.ts', 'sends nothing once the lease is lost'],
  ],
  'three kinds of 429': [
    [replies, 'reads %s', 'a budget with nothing left'],
    [replies, 'reads %s', 'a budget that nobody has looked at'],
    [replies, 'reads %s', 'a busy server'],
    [rotation, 'waits as each kind of 429 asks for'],
  ],
  'a 201 whose body is a failure': [
    [replies, 'reads %s', 'two budgets on one pod, as a 201 whose body is a failure'],
    [replies, 'reads %s', 'a failure without a code in a 201'],
    [reflector, 'goes on after a list met %s', '200 with a failure in it'],
  ],
  '410': [
    [reflector, 'lists again when its version is gone'],
    [reflector, 'lists again at once where one version was gone'],
    [podWatch, 'lists again where the server has forgotten its version'],
    [replies, 'reads %s', 'a version that is too old'],
  ],
  '401': [
    [replies, 'reads %s', 'a token that ended'],
    [rotation, 'waits as each kind of 429 asks for'],
    [reflector, 'goes on after a list met %s', '401'],
    [podWatch, 'takes a new token when the old one ends'],
  ],
  '403, and which right is missing': [
    [replies, 'says what the server said, such as the right that is missing'],
    ['client/response/cluster/api-cluster.kube.test.ts', 'refuses to evict another pod of the same name'],
    [reflector, 'goes on after a list met %s', '403'],
  ],
  'half bodies': [
    [replies, 'reads %s', 'half a body of a success'],
    [reflector, 'goes on after a list met %s', 'half a body'],
    [reflector, 'goes on from where it was after a watch ended with %s', 'a cut in the middle of a line'],
    ...histories,
  ],
  'hostile names, labels and annotations of pods': [
    ['client/response/cluster/api-cluster.test.ts', 'evicts by uid'],
    ['client/response/rotation/others-errors.test.ts', 'makes nothing of what others write on pods'],
    ['client/response/quarantine/marks.test.ts', 'leaves one label'],
    ['client/response/quarantine/marks.test.ts', 'reads whatever stands on a pod'],
    ['client/response/evidence/chain.test.ts', 'keeps what was said, sealed, in order'],
    ['client/response/quarantine/alert-feed.test.ts', 'reads what every reader of alert files reads'],
    ['client/response/quarantine/quarantine.kube.test.ts', 'asks where the policy says so'],
  ],
  'a policy that the wrong people signed': [[policy, 'is what operators signed']],
  'a policy that has ended': [
    [policy, 'ends with the set that holds it'],
    [policy, 'ends by its own date'],
  ],
  'a policy that is brought back': [[policy, 'is brought back by nobody once it was lowered']],
};

it.each(Object.entries(faults))('%s: each test of it is there', (what, held) => expectNamed(what, held));
