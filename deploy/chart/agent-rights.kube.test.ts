import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { startAgent } from '../../client/response/agent.ts';
import { parseAgentConfig } from '../../client/response/agent-config.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { accessAs } from '../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { enforcing, quarantineGround } from '../../tools/testing/kube/quarantine-ground.ts';

const chart = join(checkout, 'deploy', 'chart', 'testudo');
type Rule = Readonly<{ verbs: readonly string[]; resources: readonly string[] }>;

it("the chart's agent uses each right that it has, and no other, while it takes a pod into quarantine", {
  timeout: 600_000,
}, async () => {
  const kubectl = new Kubectl();
  const ground = await quarantineGround(kubectl, enforcing());
  const namespace = await kubectl.namespace();
  // The chart brings the policy that quarantined pods stand under.
  await kubectl.run(['-n', ground.namespace, 'delete', 'networkpolicy', 'testudo-quarantine']);
  const values = {
    agent: {
      enabled: true,
      mayAct: true,
      namespaces: [ground.namespace],
      quarantine: { enabled: true, cluster: 'eu-1' },
    },
    client: { enabled: true, coordinator: { addresses: ['c.example:7442'] } },
  };
  const install = ['install', 'testudo', chart, '--namespace', namespace, '--values', '-'];
  await kubectl.helm(install, JSON.stringify(values));
  // The API server hears of roles a moment after they were made: what the agent asked before that would be refused.
  for (const [where, verb, resource] of [
    [ground.namespace, 'patch', 'pods'],
    [namespace, 'update', 'leases/testudo-agent'],
    [namespace, 'watch', 'nodes'],
  ] as const) {
    const as = `--as=system:serviceaccount:${namespace}:testudo-agent`;
    const asked = () => kubectl.try('kubectl', ['auth', 'can-i', verb, resource, '-n', where, as]);
    await expect.poll(async () => (await asked()).code, { message: `${verb} ${resource}` }).toBe(0);
  }
  const access = await accessAs(kubectl, namespace, 'testudo-agent', ground.folder);
  const settings = [
    ...ground.settings('one'),
    ...[`lease.namespace=${namespace}`, 'lease.name=testudo-agent', 'rotation.mode=observe'],
    ...Object.entries(access).map(([name, value]) => `kubernetes.${name}=${value}`),
  ];
  const agent = unwrap(await startAgent(unwrap(parseAgentConfig({ settings })), { log: makeLog('silent') }));
  onTestFinished(() => agent.close());
  const [suspect] = await ground.ready(3);
  const name = suspect?.metadata.name ?? '';
  await ground.alert(name);
  const marked = await ground.until(async () => {
    const pod = await ground.podOf(name);
    return pod?.metadata.labels['testudo.io/quarantined'] !== undefined && pod;
  });
  expect(marked.metadata.labels).toEqual({ 'testudo.io/quarantined': 'true' });

  const roles = [
    ['-n', ground.namespace, 'get', 'role', `testudo-agent-acts-${namespace}`],
    ['-n', namespace, 'get', 'role', 'testudo-agent'],
    ['get', 'clusterrole', `testudo-agent-${namespace}`],
  ];
  const granted = new Set<string>();
  for (const role of roles) {
    const { rules } = await kubectl.json<{ rules: Rule[] }>(role);
    for (const { verbs, resources } of rules)
      for (const verb of verbs) for (const resource of resources) granted.add(`${verb} ${resource}`);
  }
  const user = `"username":"system:serviceaccount:${namespace}:testudo-agent"`;
  const asked = async () => {
    const lines = (await readFile(join(kubectl.address.folder, 'audit.log'), 'utf8')).split('\n');
    return lines
      .filter((line) => line.includes(user))
      .map((line) => {
        const { verb, objectRef, responseStatus } = JSON.parse(line) as {
          verb: string;
          objectRef?: { resource: string; subresource?: string };
          responseStatus?: { code?: number };
        };
        const { resource = '', subresource } = objectRef ?? {};
        return {
          what: `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`,
          code: responseStatus?.code,
        };
      });
  };
  const used = await ground.until(async () => {
    const all = new Set((await asked()).map(({ what }) => what));
    return [...granted].every((right) => all.has(right)) && all;
  });
  expect([...used].sort()).toEqual([...granted].sort());
  expect((await asked()).filter(({ code }) => code === 401 || code === 403)).toEqual([]);
});
