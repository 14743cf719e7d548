import { describe, expect, it } from 'vitest';
import { agentAccount } from '../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { agentInside } from '../../tools/testing/kube/start-agent.ts';

describe('an agent on a real API server', () => {
  const kubectl = new Kubectl();

  it('sees everything it watches, leads, and hands the lease to the next one when it ends', async () => {
    const account = await agentAccount(kubectl);
    const first = await agentInside(account, 'first');
    await first.until(({ ready, leads }) => ready && leads);
    const second = await agentInside(account, 'second');
    await second.until(({ ready }) => ready);
    expect((await second.ready()).leads).toBe(false);
    await first.agent.close();
    await second.until(({ leads }) => leads);
    const { spec } = await kubectl.json<{ spec: object }>(['-n', account.namespace, 'get', 'lease', 'testudo-agent']);
    expect(spec).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1 });
    const metrics = await (await fetch(`http://127.0.0.1:${second.agent.port}/metrics`)).text();
    expect(metrics).toContain('testudo_agent_leads 1');
  });
});
