import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from '../../../../base/random.ts';
import type { PodFact } from '../../../../client/response/cluster/facts.ts';
import { verifyChain } from '../../../../client/response/evidence/chain.ts';
import { loadMemory } from '../../../../client/response/quarantine/memory.ts';
import { giveOrder } from '../../../../client/response/quarantine/orders.ts';
import { agentNamespace, apply, deploymentOf, serviceOf } from '../agent-account.ts';
import type { ControlPlane } from '../control-plane.ts';
import { Kubectl } from '../kubectl.ts';
import { alertLines, denyAll, quarantineFiles, unbounded } from '../quarantine-ground.ts';
import { agentSettings } from '../start-agent.ts';
import { actsOf, twice } from './acts.ts';
import { Killing, until, type Victim } from './killing.ts';
import { WatchedPods } from './watched-pods.ts';

/** In this order one quarantine comes to them. The eviction is a dry run: disruption budgets are asked. */
export const quarantineSteps = [
  'evidence-written',
  'quarantine-begun',
  'pod-eviction-decided',
  'pod-evicted',
  'pod-patch-decided',
  'pod-patched',
  'quarantine-forgotten',
  'verdict-written',
] as const;
/** And in this order its end does. */
export const endSteps = ['pod-eviction-decided', 'pod-evicted'] as const;

const mark = 'testudo.io/quarantined';
/** So many that the next one can be suspect while the last one is still being replaced. */
const replicas = 12;
const startMs = 4_000;

/** Quarantine of pods of one workload, from its alert to its end, with an agent or an API server that is killed on the way. */
export class QuarantineKills {
  readonly killing: Killing;
  readonly #namespace: string;
  readonly #folder: string;
  readonly #planeFolder: string;
  readonly #pods: WatchedPods;
  /** Of each pod that was ever in quarantine. */
  readonly #evidence: Map<string, string>;
  readonly #suspected = new Set<string>();

  private constructor(
    killing: Killing,
    of: Readonly<{
      namespace: string;
      folder: string;
      planeFolder: string;
      pods: WatchedPods;
      evidence: Map<string, string>;
    }>,
  ) {
    this.killing = killing;
    this.#namespace = of.namespace;
    this.#folder = of.folder;
    this.#planeFolder = of.planeFolder;
    this.#pods = of.pods;
    this.#evidence = of.evidence;
  }

  /** `folder`: empty, the caller's. */
  static async prepare(plane: ControlPlane, namespace: string, folder: string): Promise<QuarantineKills> {
    const kubectl = new Kubectl(plane.address);
    const kubernetes = await agentNamespace(kubectl, namespace, folder);
    const web = deploymentOf({ name: 'web', namespace, replicas });
    await apply(kubectl, [web, serviceOf('web', namespace), denyAll(namespace)]);
    const { settings } = await quarantineFiles(folder, unbounded());
    const evidence = new Map<string, string>();
    const pods = new WatchedPods(kubernetes, namespace, (pod) => byHalf(pod, evidence));
    await pods.synced;
    const killing = new Killing(plane, folder, [
      ...agentSettings({ namespace, folder, kubernetes }, 'agent'),
      ...settings(),
    ]);
    const kills = new QuarantineKills(killing, {
      ...{ namespace, folder, pods, evidence },
      planeFolder: plane.address.folder,
    });
    await kills.#whole();
    return kills;
  }

  /** One pod, from its alert to its end: at each step the agent dies, and the next one goes on to the next step. */
  async killAgentsAtEachStep(): Promise<void> {
    const suspect = await this.#alert();
    for (const step of quarantineSteps) await this.killing.killAgentAt(step);
    await this.#lift([suspect]);
    for (const step of endSteps) await this.killing.killAgentAt(step);
    await this.#gone([suspect]);
  }

  /** The API server dies at this step of one pod's quarantine, and the agent brings it to its end. */
  async killApiServerAt(step: (typeof quarantineSteps)[number]): Promise<void> {
    const suspect = await this.#alert();
    await this.killing.killApiServerAt(step, () => this.#isolated(suspect));
  }

  /** The API server dies when the first of all pods in quarantine is evicted, and all of them are. */
  async killApiServerAtTheEnd(step: (typeof endSteps)[number]): Promise<void> {
    const suspects = this.#marked().map(({ uid }) => uid);
    await this.#lift(suspects);
    await this.killing.killApiServerAt(step, () => this.#gone(suspects));
  }

  async killAtAnyMoment(victim: Victim, random: Random): Promise<void> {
    const suspect = await this.#alert();
    await this.killing.killAtAnyMoment(victim, startMs, random, () => this.#isolated(suspect));
  }

  /** What was begun comes to its end: all that are suspect in quarantine, and then gone. */
  async rest(): Promise<void> {
    const agent = await this.killing.start();
    await until('nothing begun', async () => (await this.#memory()).begun.length === 0);
    await agent.stop(60_000);
    const suspects = this.#marked().map(({ uid }) => uid);
    await this.#lift(suspects);
    const last = await this.killing.start();
    await this.#gone(suspects);
    await last.stop(60_000);
    await this.#whole();
  }

  /** What was wrong at any time; how many pods were in quarantine. */
  async verdict(): Promise<Readonly<{ wrong: readonly string[]; quarantined: number }>> {
    const wrong = [...this.#pods.wrong];
    const acts = await actsOf(this.#planeFolder, this.#namespace);
    wrong.push(...twice(acts, ({ does }) => does === 'evict', 'evicted'));
    wrong.push(...twice(acts, ({ does }) => does === 'patch', 'put into quarantine'));
    const { spent } = await this.#memory();
    for (const { does, uid } of acts) {
      if (!this.#evidence.has(uid)) wrong.push(`${does} of ${uid}, which never was in quarantine`);
    }
    for (const uid of this.#evidence.keys()) {
      const times = spent.filter((one) => one.uid === uid).length;
      if (times !== 1) wrong.push(`${uid} stands in the budget ${times} times`);
    }
    const { problems } = await verifyChain(join(this.#folder, 'agent', 'evidence'), {
      anchors: [...this.#evidence.values()],
    });
    return {
      wrong: [...wrong, ...problems.map((problem) => JSON.stringify(problem))],
      quarantined: this.#evidence.size,
    };
  }

  async close(): Promise<void> {
    await this.killing.close();
    await this.#pods.close();
  }

  #memory() {
    return loadMemory(join(this.#folder, 'agent', 'response.json'));
  }

  #marked(): readonly PodFact[] {
    return [...this.#pods.now.values()].filter(({ labels, isDeleting }) => labels[mark] !== undefined && !isDeleting);
  }

  /** A ready pod is suspect from now on. */
  async #alert(): Promise<string> {
    // An alert of a pod's first second may be of the one before it, and counts for nobody.
    const old = () =>
      this.#pods
        .of('web')
        .find(
          ({ uid, isReady, createdAtMs }) => isReady && !this.#suspected.has(uid) && Date.now() >= createdAtMs + 1_000,
        );
    await until('a pod that is a second old', () => old() !== undefined);
    const { name, uid } = old() as PodFact;
    this.#suspected.add(uid);
    const lines = alertLines(this.#namespace, name, ['syscall', 'flow'], `${name} did what it never did`);
    await appendFile(join(this.#folder, 'alerts.jsonl'), lines);
    return uid;
  }

  async #lift(uids: readonly string[]): Promise<void> {
    const order = { kind: 'lift', by: 'a test', reason: 'seen', atMs: Date.now() } as const;
    for (const uid of uids) await giveOrder(join(this.#folder, 'agent'), { ...order, uid });
  }

  #isolated(uid: string): Promise<void> {
    return until('a pod in quarantine', async () => {
      const { begun } = await this.#memory();
      return this.#marked().some((pod) => pod.uid === uid) && begun.every((one) => one.uid !== uid);
    });
  }

  #gone(uids: readonly string[]): Promise<void> {
    return until('pods that are gone', () => uids.every((uid) => !this.#pods.now.has(uid)));
  }

  #whole(): Promise<void> {
    const ready = () => this.#pods.of('web').filter(({ isReady }) => isReady).length;
    return until('a whole workload', () => ready() === replicas);
  }
}

/** All of a quarantine, or nothing of it. */
function byHalf({ uid, labels, annotations }: PodFact, evidence: Map<string, string>): string | undefined {
  const written = Object.keys(annotations).filter((key) => key.startsWith('testudo.io/'));
  if (labels[mark] === undefined) {
    return labels.app === 'web' && written.length === 0 ? undefined : `not in quarantine, with ${written.join()}`;
  }
  const of = annotations['testudo.io/evidence'] ?? '';
  evidence.set(uid, of);
  const isWhole = Object.keys(labels).length === 1 && of.startsWith('sha256:') && written.length === 5;
  return isWhole ? undefined : `in quarantine by half: ${JSON.stringify({ labels, annotations })}`;
}
