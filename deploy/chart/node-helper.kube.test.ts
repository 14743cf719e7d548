import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseHelperConfig } from '../../client/capture/helper-config.ts';
import { parseAgentConfig } from '../../client/response/agent-config.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { images } from '../images/images.ts';

const chart = join(checkout, 'deploy', 'chart', 'testudo');
type Manifest = Readonly<{
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec?: { template: { metadata: object; spec: { hostPID?: boolean; containers: { args: string[] }[] } } };
}>;

const helper = { enabled: true, tls: { secretName: 'helper-tls' }, agentTls: { secretName: 'agent-tls' } };
const client = { enabled: true, coordinator: { addresses: ['coordinator.example.org:7442'] } };
const agent = { enabled: true, namespaces: ['shop'], mayAct: true, quarantine: { enabled: true, cluster: 'eu-1' } };

describe("the chart's node helper", () => {
  const kubectl = new Kubectl();
  const template = (values: object) =>
    kubectl.try(
      'helm',
      ['template', 'testudo', chart, '--namespace', 'apart', '--values', '-'],
      JSON.stringify(values),
    );
  const manifests = (text: string) => parseAllDocuments(text).flatMap((one) => (one.toJS() as Manifest | null) ?? []);

  it('is off unless asked for, and refused without the quarantine that it serves and the certificates that guard it', async () => {
    const off = manifests((await template({ client, agent })).out);
    expect(off.filter(({ metadata }) => metadata.name.includes('helper'))).toEqual([]);
    expect((await template({ client, agent, nodeHelper: { enabled: true } })).error).toContain('by certificates');
    expect((await template({ client, nodeHelper: helper })).error).toContain('set agent.enabled');
    const astray = { ...helper, cgroupParent: 'kubelet/../..' };
    expect((await template({ client, agent, nodeHelper: astray })).error).toContain('cgroupParent');
  });

  it('configures helper and agent for each other, and its pods are admitted where privileged ones are and nowhere else', async () => {
    const rendered = await template({ client, agent, nodeHelper: { ...helper, cgroupParent: 'kubelet.slice' } });
    const all = manifests(rendered.out);
    const textOf = (file: string) => all.find(({ data }) => data?.[file] !== undefined)?.data?.[file] ?? '';
    const parsed = parseHelperConfig({ file: { path: '/etc/testudo/h.yaml', text: textOf('node-helper.yaml') } });
    expect(parsed).toMatchObject({
      ok: true,
      value: { listen: '0.0.0.0:9467', cgroups: { root: '/node/cgroup', parent: 'kubelet.slice' }, memoryBytesMax: 0 },
    });
    expect(parseAgentConfig({ file: { path: '/etc/testudo/a.yaml', text: textOf('agent.yaml') } })).toMatchObject({
      ok: true,
      value: {
        quarantine: {
          nodeHelper: { port: 9467, holdSeconds: 15, certificateFile: '/etc/testudo/node-helper-tls/tls.crt' },
        },
      },
    });
    const set = all.find(({ kind, metadata }) => kind === 'DaemonSet' && metadata.name.endsWith('node-helper'));
    const pod = set?.spec?.template;
    expect(images.sensor.verbs).toContain(pod?.spec.containers[0]?.args[0]);
    const admit = async (level: string) => {
      const namespace = await kubectl.namespace({ 'pod-security.kubernetes.io/enforce': level });
      await kubectl.run(['-n', namespace, 'create', 'serviceaccount', 'testudo-node-helper']);
      const one = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'one' }, spec: pod?.spec };
      const args = ['-n', namespace, 'create', '--dry-run=server', '--validate=strict', '-f', '-'];
      return await kubectl.try('kubectl', args, JSON.stringify(one));
    };
    expect(await admit('privileged')).toMatchObject({ code: 0 });
    const refused = await admit('baseline');
    expect(refused.code).not.toBe(0);
    expect(refused.error).toMatch(/hostPath|host namespaces/);
  });
});
