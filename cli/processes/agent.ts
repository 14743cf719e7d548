import { Command } from '@commander-js/extra-typings';
import { keepHeapSmall } from '../../base/heap.ts';
import { table } from '../../base/text/table.ts';
import type { AgentView } from '../../client/releases/agent-view.ts';
import { readAgentConfig } from '../../client/response/agent-config.ts';
import type { RotationPage } from '../../client/response/rotation-view.ts';
import { endWith, exitCodes, usage } from '../exit.ts';
import { complain, print } from '../print.ts';
import { agentStatusText } from './agent-status-text.ts';

const timeoutMs = 5_000;
const portSaid = 'as the line "client started" of its log says (healthPort)';

/** `testudo agent run`: what answers in a cluster's pods. `testudo agent status`: what a client's release agent says of itself. */
export function agentCommand() {
  return new Command('agent')
    .description('What answers in the pods of a cluster; and the release agent of a client on this machine.')
    .addCommand(runCommand())
    .addCommand(podsCommand())
    .addCommand(statusCommand());
}

/** Until a signal ends it. */
function runCommand() {
  return new Command('run')
    .description('Run the response agent of a cluster: it acts on pods while it holds the lease.')
    .option('-c, --config <file>', 'YAML configuration')
    .option(
      '-s, --set <path=value>',
      'a setting over the file and the environment, such as namespaces=[shop]; repeatable',
      (value: string, before: string[]) => [...before, value],
      [] as string[],
    )
    .option('--check', 'check the configuration and stop')
    .action(async (options) => {
      keepHeapSmall();
      const config = readAgentConfig(options.config, { environment: process.env, settings: options.set });
      if (!config.ok) return endWith(config.fault);
      if (options.check === true) return print('configuration is sound');
      const { startAgent } = await import('../../client/response/agent.ts');
      const started = await startAgent(config.value);
      if (!started.ok) return endWith(started.fault);
      const agent = started.value;
      const stop = () => void agent.close();
      process.once('SIGTERM', stop);
      process.once('SIGINT', stop);
      return undefined;
    });
}

/** What is due and why it waits. */
function podsCommand() {
  return new Command('pods')
    .description('Which pods are due for rotation, and why each waits: asks the response agent that runs here.')
    .option('-a, --address <host:port>', "the agent's health server", '127.0.0.1:9466')
    .option('--json', 'as JSON')
    .action(async ({ address, json }) => {
      const page = await ask<RotationPage>(address, '/rotation');
      if (page === undefined) {
        complain(`UNREACHABLE: no agent answers on http://${address}/rotation; is it running? --address names another`);
        process.exitCode = exitCodes.unreachable;
        return;
      }
      print(json === true ? JSON.stringify(page) : podsText(page));
    });
}

function podsText({ at, inFlight, pods }: RotationPage): string {
  if (at === null) return 'The agent has not looked yet: it does not lead, or sees not all of the cluster.';
  const waiting = table(pods, [
    { title: 'pod', text: ({ pod }) => pod },
    { title: 'due', text: ({ dueAt }) => dueAt },
    { title: 'over the bound, min', text: ({ overMinutes }) => String(overMinutes), align: 'right' },
    { title: 'waits for', text: ({ reason }) => reason },
    { title: 'that is', text: ({ meaning }) => meaning },
  ]);
  return `${at}: ${inFlight} under way, ${pods.length} due.\n\n${waiting}`.trimEnd();
}

function statusCommand() {
  return new Command('status')
    .description('What scores and why: asks the health server of the client that runs here.')
    .option('-c, --config <file>', "the client's configuration")
    .option('-a, --address <host:port>', "the client's health server, instead of its configuration's")
    .option('--json', 'as JSON')
    .action(async ({ config, address, json }) => {
      const { localClient } = await import('../local-client.ts');
      const from = address ?? localClient(config, ', or its health server with --address HOST:PORT').health.listen;
      if (from === null) usage('health.listen is off in this configuration; name the server with --address');
      if (from.endsWith(':0')) usage(`health.listen is ${from}: name the port that it got with --address, ${portSaid}`);
      const view = await ask<AgentView>(from, '/score');
      if (view === undefined) {
        complain(`UNREACHABLE: no client answers on http://${from}/score; is it running? --address names another`);
        process.exitCode = exitCodes.unreachable;
        return;
      }
      print(json === true ? JSON.stringify(view) : agentStatusText(view).trimEnd());
    });
}

async function ask<Page>(address: string, path: '/score' | '/rotation'): Promise<Page | undefined> {
  try {
    const response = await fetch(`http://${address}${path}`, { signal: AbortSignal.timeout(timeoutMs) });
    return response.ok ? ((await response.json()) as Page) : undefined;
  } catch {
    return undefined;
  }
}
