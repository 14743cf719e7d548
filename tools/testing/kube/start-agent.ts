import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { makeLog } from '../../../base/log.ts';
import { startAgent } from '../../../client/response/agent.ts';
import { parseAgentConfig } from '../../../client/response/agent-config.ts';
import type { agentAccount } from './agent-account.ts';

type Ready = Readonly<{ ready: boolean; leads: boolean }>;

/** The settings of an agent with this account, as `--set` takes them. */
export function agentSettings(
  { namespace, folder, kubernetes }: Omit<Awaited<ReturnType<typeof agentAccount>>, 'send'>,
  holder: string,
) {
  return [
    ...[`dataDirectory=${join(folder, holder)}`, `namespaces=[${namespace}]`, 'health.listen=127.0.0.1:0'],
    ...[`lease.namespace=${namespace}`, `lease.holder=${holder}`, 'lease.retrySeconds=0.1'],
    ...Object.entries(kubernetes).map(([name, value]) => `kubernetes.${name}=${value}`),
  ];
}

/** An agent inside this process; it ends with the test. */
export async function agentInside(
  account: Awaited<ReturnType<typeof agentAccount>>,
  holder: string,
  settings: readonly string[] = [],
) {
  const config = unwrap(parseAgentConfig({ settings: [...agentSettings(account, holder), ...settings] }));
  const agent = unwrap(await startAgent(config, { log: makeLog('silent') }));
  onTestFinished(() => agent.close());
  const page = async <Page>(path: string) =>
    (await (await fetch(`http://127.0.0.1:${agent.port}${path}`)).json()) as Page;
  const ready = () => page<Ready>('/readyz');
  const until = async (holds: (state: Ready) => boolean) => {
    while (!holds(await ready())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  return { agent, page, ready, until };
}
