import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { agentAccount } from '../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { startAgent } from './agent.ts';
import { parseAgentConfig } from './agent-config.ts';

describe('an agent on a real API server', () => {
  const kubectl = new Kubectl();

  it('sees everything it watches, leads, and hands the lease to the next one when it ends', async () => {
    const { namespace, folder, kubernetes } = await agentAccount(kubectl);
    const start = async (holder: string) => {
      const file = { path: join(folder, 'agent.yaml'), text: '{}' };
      const settings = [
        ...[`dataDirectory=${join(folder, holder)}`, `namespaces=[${namespace}]`, 'health.listen=127.0.0.1:0'],
        ...[`lease.namespace=${namespace}`, `lease.holder=${holder}`, 'lease.retrySeconds=0.1'],
        ...Object.entries(kubernetes).map(([name, value]) => `kubernetes.${name}=${value}`),
      ];
      const config = unwrap(parseAgentConfig({ file, settings }));
      const agent = unwrap(await startAgent(config, { log: makeLog('silent') }));
      onTestFinished(() => agent.close());
      const ready = async () =>
        (await fetch(`http://127.0.0.1:${agent.port}/readyz`)).json() as Promise<{ ready: boolean; leads: boolean }>;
      const until = async (holds: (state: { ready: boolean; leads: boolean }) => boolean) => {
        while (!holds(await ready())) await new Promise((resolve) => setTimeout(resolve, 20));
      };
      return { agent, until, ready };
    };
    const first = await start('first');
    await first.until(({ ready, leads }) => ready && leads);
    const second = await start('second');
    await second.until(({ ready }) => ready);
    expect((await second.ready()).leads).toBe(false);
    await first.agent.close();
    await second.until(({ leads }) => leads);
    const { spec } = await kubectl.json<{ spec: object }>(['-n', namespace, 'get', 'lease', 'testudo-agent']);
    expect(spec).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1 });
    const metrics = await (await fetch(`http://127.0.0.1:${second.agent.port}/metrics`)).text();
    expect(metrics).toContain('testudo_agent_leads 1');
  });
});
