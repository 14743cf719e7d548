import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { agentAccount, apply, budgetOf, deploymentOf, serviceOf } from '../../tools/testing/kube/agent-account.ts';
import { actsOf, twice } from '../../tools/testing/kube/kills/acts.ts';
import { startAgentProcess, until } from '../../tools/testing/kube/kills/killing.ts';
import { halfDone } from '../../tools/testing/kube/kills/rotation-kills.ts';
import { WatchedPods } from '../../tools/testing/kube/kills/watched-pods.ts';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { agentSettings } from '../../tools/testing/kube/start-agent.ts';
import { EndpointWatch } from '../../tools/testing/kube/watch-endpoints.ts';

describe('two agents at once', { timeout: 600_000 }, () => {
  it('do what one would: one that stood still while the other took the lease sends nothing of what it had decided', async () => {
    const kubectl = new Kubectl();
    const account = await agentAccount(kubectl);
    const { namespace, folder, kubernetes } = account;
    await apply(kubectl, [
      deploymentOf({ name: 'web', namespace }),
      serviceOf('web', namespace),
      budgetOf('web', namespace, { minAvailable: 1 }),
    ]);
    const pods = new WatchedPods(kubernetes, namespace, halfDone);
    const endpoints = new EndpointWatch(kubernetes, namespace);
    onTestFinished(async () => {
      await pods.close();
      await endpoints.close();
    });
    await Promise.all([pods.synced, endpoints.synced]);
    await until('a ready pod', () => endpoints.ready('web') === 1);
    endpoints.hold('web', 1);
    const start = async (holder: string, failpoint?: string) => {
      const member = await startAgentProcess({
        ...{ name: holder, logFile: join(folder, `${holder}.log`), failpoint },
        settings: [
          ...agentSettings(account, holder),
          ...['lease.durationSeconds=3', 'lease.renewWithinSeconds=2', 'rotation.mode=rotate'],
          ...['rotation.maxLifetimeMinutes=0.2', 'rotation.replacementSecondsMax=8', 'rotation.settleSeconds=0'],
        ],
      });
      onTestFinished(() => member.kill());
      return member;
    };
    const said = (holder: string) => readFile(join(folder, `${holder}.log`), 'utf8');
    const stalled = await start('one', 'pod-patch-decided SIGSTOP');
    const stateOf = async () => (await readFile(`/proc/${stalled.pid}/stat`, 'utf8')).split(') ')[1]?.[0];
    await until('an agent that stands still', async () => (await stateOf()) === 'T');
    const { size } = pods.seen;
    const other = await start('two');
    await until('a rotation by the other', () => pods.seen.size > size);
    process.kill(stalled.pid, 'SIGCONT');
    await until('what it had decided, refused', async () => (await said('one')).includes('"NOT_LEADER"'));
    const now = pods.seen.size;
    await until('two rotations more', () => pods.seen.size > now + 1);
    for (const member of [stalled, other]) await member.stop(60_000);
    expect([...pods.wrong]).toEqual([]);
    expect(endpoints.least('web')).toBe(1);
    const acts = await actsOf(kubectl.address.folder, namespace);
    expect(twice(acts, () => true, 'touched').filter((text) => / [3-9] times/.test(text))).toEqual([]);
    expect(twice(acts, ({ does }) => does === 'evict', 'evicted')).toEqual([]);
  });
});
