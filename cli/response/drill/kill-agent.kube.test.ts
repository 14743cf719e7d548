import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Member, startMember } from '../../../lab/rig/member.ts';
import { agentAccount, apply, statefulSetOf } from '../../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { agentSettings } from '../../../tools/testing/kube/start-agent.ts';
import { runKillAgent } from './kill-agent.ts';
import { operatorsKubectl } from './testing/plane-kubectl.ts';

const testudo = fileURLToPath(new URL('../../testudo.ts', import.meta.url));
const { signal } = new AbortController();

describe('the drill that kills the agent', { timeout: 600_000 }, () => {
  const kubectl = new Kubectl();

  it('says that the next one of the same name leads, and that quarantine stands', async () => {
    const account = await agentAccount(kubectl);
    const { namespace, folder } = account;
    await apply(kubectl, [
      statefulSetOf({ name: 'agent', namespace }),
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'suspect', namespace, labels: { 'testudo.io/quarantined': 'true' } },
        spec: { containers: [{ name: 'c', image: 'suspect:1' }] },
      },
    ]);
    type Pod = Readonly<{ metadata: { uid: string }; status: { phase: string } }>;
    const running = async () => {
      const { code, out } = await kubectl.try('kubectl', ['-n', namespace, 'get', 'pod', 'agent-0', '-o', 'json']);
      const pod = code === 0 ? (JSON.parse(out) as Pod) : undefined;
      return pod?.status.phase === 'Running' ? pod.metadata.uid : undefined;
    };
    // What a kubelet does for this one pod: its process ends with it, at once, and the next pod has one of its own.
    const runs: { uid: string; member: Member }[] = [];
    let isOver = false;
    const kubelet = (async () => {
      const settings = agentSettings(account, 'agent-0').flatMap((setting) => ['--set', setting]);
      while (!isOver) {
        const uid = await running();
        const last = runs.at(-1);
        if (last?.uid !== uid) last?.member.kill();
        if (uid !== undefined && last?.uid !== uid) {
          const args = [testudo, 'agent', 'run', ...settings];
          runs.push({ uid, member: await startMember({ name: uid, args, logFile: join(folder, `${uid}.log`) }) });
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      for (const { member } of runs) await member.stop();
    })();
    onTestFinished(async () => {
      isOver = true;
      await kubelet;
    });
    const holder = async () => {
      const lease = ['-n', namespace, 'get', 'lease', 'testudo-agent', '-o', 'jsonpath={.spec.holderIdentity}'];
      return (await kubectl.try('kubectl', lease)).out;
    };
    while ((await holder()) !== 'agent-0') await new Promise((resolve) => setTimeout(resolve, 50));
    const checks = await runKillAgent(operatorsKubectl(kubectl, namespace), 'testudo-agent', signal);
    expect(checks.map(({ verdict, happened }) => [verdict, happened.replaceAll(/[\d.]+ s\b/g, 'N s')])).toEqual([
      ['as expected', 'held by agent-0 N s after agent-0 was killed, looked at through kubectl'],
      ['as expected', expect.stringMatching(/^(\d+) of \1$/)],
      // Other tests of this cluster rotate pods of theirs meanwhile, or do not.
      expect.toBeOneOf([
        ['not measured', 'there was none'],
        ['as expected', expect.stringMatching(/^(\d+) of \1 ended$/)],
      ]),
    ]);
    expect(runs.map(({ member }) => member.running())).toEqual([false, true]);
  });

  it('kills nobody where nobody leads, and says so', async () => {
    const namespace = await kubectl.namespace();
    const checks = await runKillAgent(operatorsKubectl(kubectl, namespace), 'testudo-agent', signal);
    expect(checks[0]).toMatchObject({
      verdict: 'not measured',
      happened: 'nobody holds the lease testudo-agent: no agent runs here',
    });
    expect(checks.map(({ verdict }) => verdict)).toEqual(['not measured', 'not measured', 'not measured']);
  });
});
