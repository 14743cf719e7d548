import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startMember } from '../../../lab/rig/member.ts';
import {
  agentAccount,
  apply,
  budgetOf,
  deploymentOf,
  serviceOf,
  statefulSetOf,
} from '../../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { agentSettings } from '../../../tools/testing/kube/start-agent.ts';
import { EndpointWatch } from '../../../tools/testing/kube/watch-endpoints.ts';
import { logKeyOf } from './rotation-log.ts';
import { verifyLog } from './verify.ts';

const testudo = fileURLToPath(new URL('../../../cli/testudo.ts', import.meta.url));
const steps = ['pod-patch-decided', 'pod-patched', 'pod-eviction-decided', 'pod-evicted'] as const;

describe('an agent that is killed', () => {
  const kubectl = new Kubectl();

  it('leaves nothing half done at any step: the next one goes on, and the log proves every rotation', async () => {
    const account = await agentAccount(kubectl);
    const { namespace, folder } = account;
    await apply(kubectl, [
      deploymentOf({ name: 'web', namespace }),
      serviceOf('web', namespace),
      budgetOf('web', namespace, { minAvailable: 1 }),
      statefulSetOf({ name: 'db', namespace, replicas: 2 }),
      serviceOf('db', namespace),
      budgetOf('db', namespace, { maxUnavailable: 1 }),
    ]);
    const endpoints = new EndpointWatch(account.kubernetes, namespace);
    onTestFinished(() => endpoints.close());
    await endpoints.synced;
    const until = async (holds: () => Promise<boolean> | boolean) => {
      while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await until(() => endpoints.ready('web') === 1 && endpoints.ready('db') === 2);
    endpoints.hold('web', 1);
    endpoints.hold('db', 1);
    const settings = [
      ...agentSettings(account, 'agent'),
      ...['rotation.mode=rotate', 'rotation.maxLifetimeMinutes=0.2', 'rotation.replacementSecondsMax=8'],
      ...['rotation.settleSeconds=0', 'rotation.epochMinutes=0.1', 'rotation.retryMinutes=0.05'],
    ].flatMap((setting) => ['--set', setting]);
    const start = (name: string, failpoint?: string) =>
      startMember({
        name,
        args: [testudo, 'agent', 'run', ...settings],
        env: failpoint === undefined ? {} : { TESTUDO_FAILPOINT: failpoint },
        logFile: join(folder, `${name}.log`),
      });
    for (const step of steps) {
      const member = await start(step, step);
      await member.exited; // At the first such moment, by its own hand.
    }
    const last = await start('last');
    onTestFinished(() => last.stop());
    type Pods = { items: { metadata: { uid: string; labels: Record<string, string> } }[] };
    const pods = async () => (await kubectl.json<Pods>(['-n', namespace, 'get', 'pods'])).items;
    const seen = new Set<string>();
    await until(async () => {
      for (const { metadata } of await pods()) seen.add(metadata.uid);
      return seen.size >= 8;
    });
    // Somebody pauses it: what is under way is finished, and nothing new begins.
    await kubectl.run(['-n', namespace, 'annotate', 'lease', 'testudo-agent', 'testudo.io/rotation-paused=by a test']);
    const isAtRest = async () => {
      const now = await pods();
      return now.length === 3 && now.every(({ metadata }) => metadata.labels['testudo.io/rotating'] === undefined);
    };
    await until(isAtRest);
    expect(endpoints.least('web')).toBe(1);
    expect(endpoints.least('db')).toBeGreaterThanOrEqual(1);
    const log = join(folder, 'agent', 'rotation.log');
    await until(async () => (await readFile(log, 'utf8')).includes('"reveal"'));
    await last.stop();
    expect(await isAtRest()).toBe(true);
    const { publicKey } = logKeyOf(await readFile(join(folder, 'agent', 'rotation.secret')));
    const verified = verifyLog((await readFile(log, 'utf8')).split('\n').slice(0, -1), publicKey);
    expect(verified.findings).toEqual([]);
    expect(verified.proven).toBeGreaterThan(0);
    const { metadata } = await kubectl.json<{ metadata: { annotations: Record<string, string> } }>([
      '-n',
      namespace,
      'get',
      'lease',
      'testudo-agent',
    ]);
    expect(metadata.annotations['testudo.io/rotation-log']).toMatch(/^\d+ [0-9a-f]{64}$/);
  });
});
