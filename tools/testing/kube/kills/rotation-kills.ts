import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rotationFailpoints } from '../../../../base/failpoint.ts';
import type { Random } from '../../../../base/random.ts';
import type { PodFact } from '../../../../client/response/cluster/facts.ts';
import { begunOn, templateHash } from '../../../../client/response/rotation/marks.ts';
import { logKeyOf } from '../../../../client/response/rotation/rotation-log.ts';
import { verifyLog } from '../../../../client/response/rotation/verify.ts';
import { agentNamespace, apply, budgetOf, deploymentOf, serviceOf, statefulSetOf } from '../agent-account.ts';
import type { ControlPlane } from '../control-plane.ts';
import { Kubectl } from '../kubectl.ts';
import { agentSettings } from '../start-agent.ts';
import { EndpointWatch } from '../watch-endpoints.ts';
import { actsOf, twice } from './acts.ts';
import { Killing, until, type Victim } from './killing.ts';
import { WatchedPods } from './watched-pods.ts';

export type RotationStep = (typeof rotationFailpoints)[number] | 'any moment';
export const rotationSteps: readonly RotationStep[] = [...rotationFailpoints, 'any moment'];

const rotating = 'testudo.io/rotating';
const startMs = 4_000;
/** So long a busy machine may take for one, which must be less than the lifetime; every step that puts a pod back takes it. */
const replacementSecondsMax = 5;
/** Each of one replica: where one waits for its replacement, the next comes to the step that is asked for. */
const singles = ['web', 'shop', 'mail'] as const;

/**
 * Rotation of single replicas under `minAvailable: 1` and of a StatefulSet, with an agent or an API server that is killed on
 * the way. Where a pod is to be put back, a quota refuses its replacement.
 */
export class RotationKills {
  readonly killing: Killing;
  readonly #kubectl: Kubectl;
  readonly #namespace: string;
  readonly #folder: string;
  readonly #pods: WatchedPods;
  readonly #endpoints: EndpointWatch;

  private constructor(
    killing: Killing,
    of: Readonly<{ kubectl: Kubectl; namespace: string; folder: string; pods: WatchedPods; endpoints: EndpointWatch }>,
  ) {
    this.killing = killing;
    this.#kubectl = of.kubectl;
    this.#namespace = of.namespace;
    this.#folder = of.folder;
    this.#pods = of.pods;
    this.#endpoints = of.endpoints;
  }

  /** `folder`: empty, the caller's. */
  static async prepare(plane: ControlPlane, namespace: string, folder: string): Promise<RotationKills> {
    const kubectl = new Kubectl(plane.address);
    const kubernetes = await agentNamespace(kubectl, namespace, folder);
    await apply(kubectl, [
      ...singles.flatMap((name) => [
        deploymentOf({ name, namespace }),
        serviceOf(name, namespace),
        budgetOf(name, namespace, { minAvailable: 1 }),
      ]),
      statefulSetOf({ name: 'db', namespace, replicas: 2 }),
      serviceOf('db', namespace),
      budgetOf('db', namespace, { maxUnavailable: 1 }),
    ]);
    const pods = new WatchedPods(kubernetes, namespace, halfDone);
    const endpoints = new EndpointWatch(kubernetes, namespace);
    await Promise.all([pods.synced, endpoints.synced]);
    const isReady = () => singles.every((name) => endpoints.ready(name) === 1) && endpoints.ready('db') === 2;
    await until('every pod ready', isReady);
    for (const name of singles) endpoints.hold(name, 1);
    endpoints.hold('db', 1);
    const killing = new Killing(plane, folder, [
      ...agentSettings({ namespace, folder, kubernetes }, 'agent'),
      ...[
        'rotation.mode=rotate',
        'rotation.maxLifetimeMinutes=0.1',
        `rotation.replacementSecondsMax=${replacementSecondsMax}`,
      ],
      ...['rotation.settleSeconds=0', 'rotation.epochMinutes=0.1', 'rotation.retryMinutes=0.05'],
      ...['rotation.maxInFlight.node=8', 'rotation.maxInFlight.cluster=8'],
    ]);
    return new RotationKills(killing, { kubectl, namespace, folder, pods, endpoints });
  }

  /** `waits`: until an agent whose API server died has done the next thing; else it dies as well. */
  async kill(victim: Victim, step: RotationStep, random: Random, waits: boolean): Promise<void> {
    const isPutBack = step.startsWith('put-back');
    if (isPutBack) await this.#refuseReplacements(true);
    const before = this.#putBack();
    const next = async () => {
      const { size } = this.#pods.seen;
      if (isPutBack) await until('a pod put back', () => this.#putBack() !== before);
      else await until('the next rotation', () => this.#pods.seen.size > size);
    };
    const goesOn = waits ? next : undefined;
    if (step === 'any moment') await this.killing.killAtAnyMoment(victim, startMs, random, goesOn);
    else if (victim === 'agent') await this.killing.killAgentAt(step);
    else await this.killing.killApiServerAt(step, goesOn);
    if (isPutBack) await this.#refuseReplacements(false);
  }

  /** Nothing new begins, and what was begun comes to its end: whatever was left half done shows here. */
  async rest(): Promise<void> {
    const agent = await this.killing.start();
    const annotation = 'testudo.io/rotation-paused';
    const annotate = (value: string) =>
      this.#kubectl.run(['-n', this.#namespace, 'annotate', 'lease', 'testudo-agent', value, '--overwrite']);
    await annotate(`${annotation}=by a test`);
    const isAtRest = () =>
      [...this.#pods.now.values()].every(({ labels }) => labels[rotating] === undefined) &&
      singles.every((name) => this.#endpoints.ready(name) === 1) &&
      this.#endpoints.ready('db') === 2 &&
      this.#pods.now.size === singles.length + 2;
    const stands = () =>
      JSON.stringify({
        ready: [...singles, 'db'].map((name) => this.#endpoints.ready(name)),
        pods: [...this.#pods.now.values()],
        agentRuns: agent.running(),
      });
    await until('rest', isAtRest, stands);
    await annotate(`${annotation}-`);
    await agent.stop(60_000);
  }

  /**
   * What was wrong at any time. `replaced`: evictions by the audit log, which lacks what a server answered and died before it
   * wrote it down; `gone`: pods that are no more, replacements of those that were put back among them.
   */
  async verdict(): Promise<Readonly<{ wrong: readonly string[]; replaced: number; gone: number; proven: number }>> {
    const wrong = [...this.#pods.wrong];
    for (const service of [...singles, 'db']) {
      if (this.#endpoints.least(service) < 1) wrong.push(`${service} was without a ready endpoint`);
    }
    const acts = await actsOf(this.#kubectl.address.folder, this.#namespace);
    wrong.push(...twice(acts, ({ does }) => does === 'evict', 'evicted'));
    const folder = join(this.#folder, 'agent');
    const { publicKey } = logKeyOf(await readFile(join(folder, 'rotation.secret')));
    const lines = (await readFile(join(folder, 'rotation.log'), 'utf8')).split('\n').slice(0, -1);
    const { findings, proven } = verifyLog(lines, publicKey);
    wrong.push(...findings.map(({ kind, line, pod = '', text }) => `log, line ${line}: ${kind} ${pod} ${text}`));
    const replaced = acts.filter(({ does }) => does === 'evict').length;
    return { wrong, replaced, gone: this.#pods.seen.size - this.#pods.now.size, proven };
  }

  async close(): Promise<void> {
    await this.killing.close();
    await this.#pods.close();
    await this.#endpoints.close();
  }

  /** While the quota stands, no pod is made beyond those that are there. */
  async #refuseReplacements(isRefused: boolean): Promise<void> {
    if (!isRefused) await this.#kubectl.run(['-n', this.#namespace, 'delete', 'quota', 'full']);
    else
      await this.#kubectl.run(['-n', this.#namespace, 'create', 'quota', 'full', `--hard=pods=${singles.length + 2}`]);
  }

  /** What stands on pods that were put back. */
  #putBack(): string {
    const back = singles.flatMap((name) => this.#pods.of(name)).filter(({ labels }) => labels[rotating] === undefined);
    return back.map(({ annotations }) => annotations['testudo.io/rotation-failed'] ?? '').join();
  }
}

/** A pod is its ReplicaSet's, or released with everything that puts it back: never a third thing. */
export function halfDone(pod: PodFact): string | undefined {
  const { labels, annotations, name } = pod;
  const isReleased = labels[rotating] !== undefined;
  if (isReleased && (begunOn(pod) === undefined || begunOn(pod) === 'unreadable'))
    return 'released, and not how it goes back';
  if (isReleased && labels[templateHash] !== undefined) return 'released, and still its ReplicaSet’s';
  if (!isReleased && annotations['testudo.io/rotation'] !== undefined) return 'not released, and marked as if it were';
  if (!isReleased && !name.startsWith('db-') && labels[templateHash] === undefined)
    return 'let go of, and not released';
  return undefined;
}
