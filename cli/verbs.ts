import { readFileSync } from 'node:fs';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';

type Verb = Readonly<{ summary: string; load: (everyCommand: EveryCommand) => Promise<CommandUnknownOpts> }>;
export type ListedVerb = Verb & Readonly<{ group: string }>;
type EveryCommand = () => Promise<readonly CommandUnknownOpts[]>;

/**
 * Every verb, under the heading where somebody would look for it, in the order in which a newcomer comes by them. A verb's file is
 * imported only when it is used, so that `--help` costs nothing. `everyCommand`: all that are offered, for verbs that tell of them.
 */
const verbGroups = {
  'To begin with': {
    demo: {
      summary: 'the main job: a federation on this machine, some of it hostile, on recorded data',
      load: async () => (await import('./processes/demo.ts')).demoCommand(),
    },
    up: {
      summary: 'a coordinator and clusters on this machine that stay up',
      load: async () => (await import('./processes/up.ts')).upCommand(),
    },
    down: {
      summary: 'end what up started, and nothing else',
      load: async () => (await import('./processes/down.ts')).downCommand(),
    },
    setup: {
      summary: 'fetch what most commands do without: TensorFlow, ONNX Runtime, plots',
      load: async () => (await import('./processes/setup.ts')).setupCommand(),
    },
  },
  Overview: {
    status: {
      summary: 'how everything stands, and what wants attention',
      load: async () => (await import('./overview/status.ts')).statusCommand(),
    },
    dashboard: {
      summary: 'a one-time link into the dashboard, for a browser',
      load: async () => (await import('./overview/dashboard.ts')).dashboardCommand(),
    },
  },
  'Clusters and people': {
    clusters: {
      summary: 'members: list, show, revoke, quarantine, approve',
      load: async () => (await import('./members/clusters.ts')).clustersCommand(),
    },
    cluster: {
      summary: 'a Kubernetes cluster: add it (token, values, lines to type), remove it',
      load: async () => (await import('./members/cluster.ts')).clusterCommand(),
    },
    tokens: {
      summary: 'one-time join tokens: create, list, revoke',
      load: async () => (await import('./members/tokens.ts')).tokensCommand(),
    },
    operators: {
      summary: 'people and pipelines: list, add, renew, remove',
      load: async () => (await import('./members/operators.ts')).operatorsCommand(),
    },
    doors: {
      summary: "processes that take clusters' calls for the coordinator: list, add, revoke",
      load: async () => (await import('./members/doors.ts')).doorsCommand(),
    },
  },
  Rounds: {
    tracks: {
      summary: 'tracks: list, put a policy or a new track, its models',
      load: async () => (await import('./rounds/tracks.ts')).tracksCommand(),
    },
    policy: {
      summary: 'what a policy withstands in this federation, and another one: check, put',
      load: async () => (await import('./rounds/policy.ts')).policyCommand(),
    },
    rounds: {
      summary: 'rounds: list, show, open, cancel, plan, replay',
      load: async () => (await import('./rounds/rounds.ts')).roundsCommand(),
    },
    simulate: {
      summary: 'what attackers would get from this federation: every attack against the rule in force and others',
      load: async () => (await import('./rounds/simulate.ts')).simulateCommand(),
    },
    model: {
      summary: 'what a new track begins with: spec and first weights',
      load: async () => (await import('./offline/model.ts')).modelCommand(),
    },
    antibodies: {
      summary: 'what one cluster confirmed of an attack, for all: make, put, list, pin, revoke',
      load: async () => (await import('./rounds/antibodies.ts')).antibodiesCommand(),
    },
  },
  Releases: {
    releases: {
      summary: 'signed models: list, show, revoke, export, import',
      load: async () => (await import('./releases/releases.ts')).releasesCommand(),
    },
    channels: {
      summary: 'which clusters follow which version: list, assign, unassign, set, remove',
      load: async () => (await import('./releases/channels.ts')).channelsCommand(),
    },
    promote: {
      summary: 'move stable, or another channel, forward to a version',
      load: async () => (await import('./releases/promote.ts')).promoteCommand(),
    },
    rollback: {
      summary: 'move stable back to an earlier version',
      load: async () => (await import('./releases/promote.ts')).rollbackCommand(),
    },
    gate: {
      summary: 'the gate between canary and stable: show, override',
      load: async () => (await import('./releases/gate.ts')).gateCommand(),
    },
    pin: {
      summary: 'hold a cluster, or all with a label, on a version',
      load: async () => (await import('./releases/pin.ts')).pinCommand(),
    },
    unpin: {
      summary: 'end a pin',
      load: async () => (await import('./releases/pin.ts')).unpinCommand(),
    },
    pins: {
      summary: 'pins: list, sign, renew, key',
      load: async () => (await import('./releases/pins.ts')).pinsCommand(),
    },
    freeze: {
      summary: 'for a time, let no round open and no channel move by itself',
      load: async () => (await import('./releases/freeze.ts')).freezeCommand(),
    },
    unfreeze: {
      summary: 'end a freeze before its time',
      load: async () => (await import('./releases/freeze.ts')).unfreezeCommand(),
    },
    freezes: {
      summary: 'freezes in force or to come',
      load: async () => (await import('./releases/freeze.ts')).freezesCommand(),
    },
  },
  'Trust and audit': {
    root: {
      summary: 'whose signatures agents trust: show, rotate, sign, merge offline; publish',
      load: async () => (await import('./releases/root.ts')).rootCommand(),
    },
    audit: {
      summary: 'the journal as an audit log: list, follow, verify',
      load: async () => (await import('./members/audit.ts')).auditCommand(),
    },
  },
  'Alerts and response': {
    alerts: {
      summary: "a client's alerts: list, show, watch, what no sink took",
      load: async () => (await import('./alerts/alerts.ts')).alertsCommand(),
    },
    feedback: {
      summary: 'say what an alert was: a false positive, or confirmed',
      load: async () => (await import('./offline/feedback.ts')).feedbackCommand(),
    },
    response: {
      summary: 'what agents may do to pods, signed by operators: show, sign and put the policy',
      load: async () => (await import('./releases/response.ts')).responseCommand(),
    },
    quarantine: {
      summary: 'pods that are suspect or in quarantine: list, approve, lift, resume',
      load: async () => (await import('./response/quarantine.ts')).quarantineCommand(),
    },
    evidence: {
      summary: 'what a response agent kept of an incident: list, show, verify, export',
      load: async () => (await import('./response/evidence.ts')).evidenceCommand(),
    },
    rotation: {
      summary: 'what proves that rotation spared no pod and picked none: verify, key',
      load: async () => (await import('./processes/rotation.ts')).rotationCommand(),
    },
    posture: {
      summary: "what makes an intruder's life easy in these pods, with the fix for each",
      load: async () => (await import('./response/posture.ts')).postureCommand(),
    },
    drill: {
      summary: 'try what is relied on: a quarantine that isolates, a flood of alerts; each undoes itself',
      load: async () => (await import('./response/drill/drill.ts')).drillCommand(),
    },
  },
  'Offline, on recordings': {
    record: {
      summary: "record a command's system calls into a trace file",
      load: async () => (await import('./offline/record.ts')).recordVerb(),
    },
    profile: {
      summary: 'make a baseline from trace files',
      load: async () => (await import('./offline/profile.ts')).profileCommand(),
    },
    score: {
      summary: 'score recorded traces with a model, offline',
      load: async () => (await import('./offline/score.ts')).scoreCommand(),
    },
    explain: {
      summary: 'say which calls carried the score of a recorded trace',
      load: async () => (await import('./offline/explain.ts')).explainCommand(),
    },
    evaluate: {
      summary: 'measure a model on labelled traces',
      load: async () => (await import('./offline/evaluate.ts')).evaluateCommand(),
    },
    map: {
      summary: 'show who calls whom with which templates, what is open and what is new, offline',
      load: async () => (await import('./offline/map.ts')).mapCommand(),
    },
  },
  'Processes that run': {
    coordinator: {
      summary: 'run a coordinator, or look after its authority',
      load: async () => (await import('./processes/coordinator.ts')).coordinatorCommand(),
    },
    worker: {
      summary: 'run aggregations for a coordinator with Redis',
      load: async () => (await import('./processes/worker.ts')).workerCommand(),
    },
    door: {
      summary: "take clusters' calls in front of a coordinator: one of many",
      load: async () => (await import('./processes/door.ts')).doorCommand(),
    },
    relay: {
      summary: 'run a region: a coordinator for its clusters that is one member of a parent',
      load: async () => (await import('./processes/relay.ts')).relayCommand(),
    },
    client: {
      summary: "run a cluster's client: learn locally, take part in rounds, raise alerts",
      load: async () => (await import('./processes/client.ts')).clientCommand(),
    },
    sensor: {
      summary: "run a node's sensor: score its events for the cluster's client",
      load: async () => (await import('./processes/sensor.ts')).sensorCommand(),
    },
    agent: {
      summary: "what answers in a cluster's pods; a client's release agent: what scores and why",
      load: async () => (await import('./processes/agent.ts')).agentCommand(),
    },
    'node-helper': {
      summary: 'freezes and copies pods of its node for the agent; privileged, and off by default',
      load: async () => (await import('./processes/node-helper.ts')).nodeHelperCommand(),
    },
  },
  'This command': {
    context: {
      summary: 'which federation commands speak to: list, add, use, remove',
      load: async () => (await import('./overview/context.ts')).contextCommand(),
    },
    completion: {
      summary: 'a script by which bash, zsh or fish complete verbs and options',
      load: async (everyCommand) =>
        (await import('./overview/completion/completion.ts')).completionCommand(everyCommand),
    },
    man: {
      summary: 'manual pages, one for each verb',
      load: async (everyCommand) => (await import('./overview/man.ts')).manCommand(everyCommand),
    },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Verb>>>>;

const listed = Object.entries(verbGroups).flatMap(([group, own]) =>
  Object.entries(own).map(([name, verb]) => [name, { ...verb, group }] as const),
);

/** Every verb by its name, with its heading; a verb of a heading stands beside the others of it. */
export const verbs: Readonly<Record<string, ListedVerb>> = Object.fromEntries(listed);

/** The heading of the verbs that are about the command line, which its library's own `help` is one of. */
export const ownGroup = 'This command' satisfies keyof typeof verbGroups;

/** The verbs whose code is here: an image holds some, and names them in its package.json. */
export function offeredVerbs(): readonly (readonly [string, ListedVerb])[] {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { verbs: named } = JSON.parse(text) as { verbs?: readonly string[] };
  return listed.filter(([name]) => named === undefined || named.includes(name));
}
