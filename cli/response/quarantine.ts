import { Command } from '@commander-js/extra-typings';
import { jsonLine, table, time } from '../../base/text/table.ts';
import { giveOrder, type Order, orderTextMax } from '../../client/response/quarantine/orders.ts';
import type { QuarantinePage } from '../../client/response/quarantine/quarantine.ts';
import { exitCodes, usage } from '../exit.ts';
import { ownName } from '../own-name.ts';
import { complain, print } from '../print.ts';
import { chainFolder } from './agent-folder.ts';

const timeoutMs = 5_000;

/** `testudo quarantine`: pods that are suspect, those in quarantine, and an operator's word on them. */
export function quarantineCommand() {
  return new Command('quarantine')
    .description(
      'Pods that are suspect or in quarantine, beside the response agent of their cluster: in its pod, or with its folder.',
    )
    .addCommand(list())
    .addCommand(ordering('approve', 'let the agent quarantine a pod that waits, where the response policy says ask'))
    .addCommand(
      ordering('decline', 'let a pod be that waits: its alerts so far count no more, later ones may ask anew'),
    )
    .addCommand(ordering('lift', 'end a quarantine before its time: the pod is evicted, its replacement runs already'))
    .addCommand(resume());
}

function list() {
  return new Command('list')
    .description(
      'Suspect pods and why nothing, or what, is done; pods in quarantine and what is known of their isolation.',
    )
    .option('-a, --address <host:port>', "the agent's health server", '127.0.0.1:9466')
    .option('--json', 'as JSON')
    .action(async ({ address, json }) => {
      const page = await ask(address);
      if (page === undefined) {
        complain(`UNREACHABLE: no agent that quarantines answers on http://${address}/quarantine`);
        process.exitCode = exitCodes.unreachable;
        return;
      }
      print(json === true ? jsonLine(page) : pageText(page));
    });
}

function ordering(kind: 'approve' | 'decline' | 'lift', summary: string) {
  return new Command(kind)
    .description(summary)
    .argument('<uid>', "the pod's uid, as `testudo quarantine list` shows it")
    .requiredOption('-d, --data-dir <folder>', "the agent's data directory")
    .requiredOption('-r, --reason <text>', 'why')
    .option('--json', 'the order, as JSON')
    .action(async (uid, { dataDir, reason, json }) => {
      if (!/^[0-9a-f-]{36}$/.test(uid)) usage(`expected a pod's uid, 36 characters of 0-9, a-f and "-"; got ${uid}`);
      const order = orderOf(kind, uid, reason);
      chainFolder(dataDir); // Orders in a folder of nobody's lie there unfollowed.
      await giveOrder(dataDir, order);
      if (json === true) return print(jsonLine(order));
      print(
        `${kind} of ${uid} lies with the agent of this folder, which follows it while it leads; \`testudo quarantine list\` shows what becomes of it`,
      );
    });
}

function resume() {
  return new Command('resume')
    .description('close the breaker, after looking at the model that opened it: alerts before now count no more')
    .requiredOption('-d, --data-dir <folder>', "the agent's data directory")
    .requiredOption('-r, --reason <text>', 'why')
    .option('--json', 'the order, as JSON')
    .action(async ({ dataDir, reason, json }) => {
      const order = orderOf('resume', '', reason);
      chainFolder(dataDir); // Orders in a folder of nobody's lie there unfollowed.
      await giveOrder(dataDir, order);
      print(json === true ? jsonLine(order) : 'the agent of this folder resumes, if it leads');
    });
}

function orderOf(kind: Order['kind'], uid: string, reason: string): Order {
  if (reason.length > orderTextMax) usage(`--reason: at most ${orderTextMax} characters, got ${reason.length}`);
  return { kind, uid, by: ownName(), reason, atMs: Date.now() };
}

async function ask(address: string): Promise<QuarantinePage | undefined> {
  try {
    const response = await fetch(`http://${address}/quarantine`, { signal: AbortSignal.timeout(timeoutMs) });
    return response.ok ? ((await response.json()) as QuarantinePage) : undefined;
  } catch {
    return undefined;
  }
}

function pageText(page: QuarantinePage): string {
  const { leads, leader, isBlind, orders, cap, policy, hubAway, breaker, suspects, quarantined } = page;
  const inForce = 'untilMs' in policy ? `in force until ${time(policy.untilMs)}` : `${policy.code}: ${policy.message}`;
  const head = [`response policy: ${inForce}; this cluster allows ${cap} at most`];
  if (hubAway !== null) head.push(`the hub is away (${hubAway.code}: ${hubAway.message}); what is known stands`);
  if (breaker !== null)
    head.push(
      `THE BREAKER IS OPEN since ${time(breaker.atMs)}: ${breaker.why}; testudo quarantine resume -d FOLDER -r WHY`,
    );
  if (!leads) head.push(notLeading(leader, orders));
  else if (isBlind) head.push('not all of the cluster is seen just now: what is missing here may be there');
  const parts = [head.join('\n')];
  if (quarantined.length > 0) {
    parts.push(
      table(quarantined, [
        { title: 'IN QUARANTINE', text: ({ namespace, pod }) => `${namespace}/${pod}` },
        { title: 'UID', text: ({ uid }) => uid },
        { title: 'UNTIL', text: ({ untilMs }) => time(untilMs ?? 0) },
        { title: 'ISOLATION', text: ({ verdict }) => verdict ?? 'not judged yet' },
        { title: 'EVIDENCE', text: ({ evidence }) => evidence.slice(0, 19) },
      ]),
    );
  }
  if (suspects.length > 0) {
    parts.push(
      table(suspects, [
        { title: 'SUSPECT', text: ({ namespace, pod }) => `${namespace}/${pod}` },
        { title: 'UID', text: ({ uid }) => uid },
        { title: 'RISK', text: ({ risk }) => risk.toFixed(2), align: 'right' },
        { title: 'ALERTS', text: ({ alerts }) => String(alerts), align: 'right' },
        { title: 'STATE', text: ({ state }) => state },
        { title: 'BECAUSE', text: ({ because }) => because },
      ]),
    );
  }
  if (quarantined.length + suspects.length === 0 && leads && !isBlind)
    parts.push('no pod is suspect, none is in quarantine');
  return parts.join('\n\n');
}

function notLeading(leader: string | null, orders: number): string {
  const who = leader === null ? 'nobody does just now' : `${leader} does: ask that one, and give orders to it`;
  const lie = orders === 0 ? '' : `; ${orders} in this agent's folder wait until it leads`;
  return `THIS AGENT DOES NOT LEAD and knows of no pod; ${who}${lie}`;
}
