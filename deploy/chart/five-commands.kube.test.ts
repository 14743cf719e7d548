import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { type Member, pauseWhileRunning } from '../../lab/rig/member.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { logged, runPod } from '../../tools/testing/kube/pod-runner.ts';
import { makeVolumes } from '../../tools/testing/kube/volumes.ts';

type Addresses = Readonly<{ enrolment: string; federation: string; health: string }>;

type Rule = Readonly<{ verbs: readonly string[]; resources: readonly string[] }>;

/** What an account has asked the API server, by the audit log. */
async function askedBy(kubectl: Kubectl, user: string) {
  const log = await readFile(join(kubectl.address.folder, 'audit.log'), 'utf8');
  const lines = log.split('\n').filter((line) => line.includes(`"username":"${user}"`));
  return lines.map((line) => {
    const { verb, requestURI, objectRef, responseStatus } = JSON.parse(line) as {
      verb: string;
      requestURI: string;
      objectRef?: { resource?: string };
      responseStatus?: { code?: number };
    };
    return { what: `${verb} ${objectRef?.resource}`, code: responseStatus?.code ?? 0, address: requestURI };
  });
}

/** Waits until a role's process has used each right that the role has; what it asked. */
async function usesItsRights(kubectl: Kubectl, role: string, member: Member) {
  const { rules } = await kubectl.json<{ rules: Rule[] }>(['get', 'clusterrole', `testudo-${role}-testudo`]);
  const granted = rules.flatMap(({ verbs, resources }) =>
    verbs.flatMap((verb) => resources.map((one) => `${verb} ${one}`)),
  );
  for (;;) {
    const asked = await askedBy(kubectl, `system:serviceaccount:testudo:testudo-${role}`);
    const used = new Set(asked.map(({ what }) => what));
    if (granted.some((right) => !used.has(right))) {
      await pauseWhileRunning([member]);
      continue;
    }
    // Nothing beyond them was asked for, and nothing that was asked was refused.
    expect(used).toEqual(new Set(granted));
    expect(asked.filter(({ code }) => code >= 300)).toEqual([]);
    return asked;
  }
}

/** The first block of commands in docs/kubernetes.md. */
async function commandsOfPage(): Promise<string[]> {
  const page = await readFile(join(checkout, 'docs', 'kubernetes.md'), 'utf8');
  return (/```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? '').trim().split('\n');
}

describe('the five commands of docs/kubernetes.md', () => {
  const kubectl = new Kubectl();
  const running: Member[] = [];
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'testudo-five-'));
    await symlink(join(checkout, 'deploy'), join(folder, 'deploy'));
    const program = `#!/bin/sh\nexec '${process.execPath}' '${join(checkout, 'cli', 'testudo.ts')}' "$@"\n`;
    await writeFile(join(folder, 'testudo'), program, { mode: 0o755 });
    await makeVolumes(kubectl, 2);
  });
  afterAll(async () => {
    for (const member of running.reverse()) await member.stop();
    await kubectl.try('kubectl', ['delete', 'namespace', 'herd', 'testudo', '--wait=false']);
    await rm(folder, { recursive: true, force: true });
  });

  /** As typed by somebody who stands in `folder`. */
  const type = (command: string) =>
    new Promise<Readonly<{ out: string; said: string }>>((resolve, reject) => {
      const env = { ...kubectl.environment, PATH: [folder, kubectl.environment.PATH].join(delimiter) };
      execFile('/bin/bash', ['-o', 'pipefail', '-c', command], { cwd: folder, env }, (error, out, said) =>
        error === null ? resolve({ out, said }) : reject(new Error(`${command}\n${out}${said}`)),
      );
    });
  const start = async (namespace: string, pod: string, configure: (config: Record<string, unknown>) => void) => {
    const member = await runPod({
      kubectl,
      namespace,
      pod,
      folder,
      configure: (text) => {
        if (text.startsWith('{')) return text; // Root metadata, not a configuration.
        const config = parse(text);
        configure(config);
        return stringify(config);
      },
    });
    running.push(member);
    return member;
  };
  const podOf = (namespace: string, role: string) =>
    kubectl.run(['-n', namespace, 'rollout', 'status', `statefulset/testudo-${role}`, '--timeout=10m']);

  it('lead from nothing to an enrolled cluster that scores, and `cluster remove` ends it', async () => {
    const commands = await commandsOfPage();
    expect(commands).toHaveLength(5);
    const [init, pack, installCoordinator, add, installClient] = commands as [string, string, string, string, string];
    // There are no names and no load balancer here: 127.0.0.1, on ports that the kernel chooses.
    await type(init.replace('testudo.example.org', '127.0.0.1'));
    await type('testudo coordinator export-root --config herd/coordinator.yaml --to root.key');
    await type(pack);
    // No key of the roots comes into the cluster.
    const secret = await kubectl.json<{ data: Record<string, string> }>([
      '-n',
      'herd',
      'get',
      'secret',
      'testudo-founding',
    ]);
    const packed = gunzipSync(Buffer.from(secret.data['founding.gz'] ?? '', 'base64')).toString('utf8');
    const names = Object.keys((JSON.parse(packed) as { files: object }).files);
    expect(names).toContain('keys/issuer-key');
    expect(names.filter((name) => /root-key/.test(name))).toEqual([]);
    await type(installCoordinator);
    await podOf('herd', 'coordinator');
    const listen = { enrolment: '127.0.0.1:0', federation: '127.0.0.1:0', health: '127.0.0.1:0' };
    const coordinator = await start('herd', 'testudo-coordinator-0', (config) => Object.assign(config, { listen }));
    const { addresses } = await logged<{ addresses: Addresses }>(coordinator, 'coordinator ready');

    const { enrolment, federation } = addresses;
    const reach = `--address ${federation} --coordinator ${federation} --enrol ${enrolment}`;
    // A coordinator that has just started says "in a moment", until its first metadata is signed; no token is spent on that.
    for (let left = 100; ; left -= 1) {
      const said = await type(add.replace('--gitops', `${reach} --gitops`)).catch((error: Error) => error);
      if (!(said instanceof Error)) break;
      if (left === 0 || !said.message.includes('METADATA_UNREADY')) throw said;
    }
    // --gitops: no token and no key in what was written.
    const written = await readdir(join(folder, 'eu-west-1'));
    expect(written.sort()).toEqual(['root.json', 'values.yaml']);
    // With a right of the sensors' own, which the chart grants where it is asked for.
    await type(`${installClient} --set sensors.enrichment.enabled=true`);
    await podOf('testudo', 'client');
    // What a kubelet mounts for an account.
    const credentialsOf = async (role: string) => {
      const tokenFile = join(folder, `${role}.token`);
      await writeFile(tokenFile, await kubectl.run(['-n', 'testudo', 'create', 'token', `testudo-${role}`]));
      return { tokenFile, authorityFile: join(kubectl.address.folder, 'pki', 'ca.crt') };
    };
    const credentials = await credentialsOf('client');
    const client = await start('testudo', 'testudo-client-0', (config) => {
      Object.assign(config, { health: { listen: '127.0.0.1:0' } });
      Object.assign(config.hub as object, { listen: '127.0.0.1:0', admissionListen: '127.0.0.1:0' });
      Object.assign((config.hub as { admission: object }).admission, credentials);
      Object.assign(config.kubernetes as object, credentials);
    });
    const operator = `--credentials herd/operator.json --address ${federation}`;
    const clusters = async () => {
      const { out } = await type(`testudo clusters list --json ${operator}`);
      return out
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { name: string; connected: boolean; status: string });
    };
    for (;;) {
      const found = await clusters();
      if (found.some(({ name, connected }) => name === 'eu-west-1' && connected)) break;
      if (!client.running()) throw new Error(await readFile(client.logFile, 'utf8'));
    }
    // A sensor proves by its pod's token which node it is on; the API server says whether that is so.
    const hub = await logged<{ sensors: number; admission: number }>(client, 'hub serves sensors');
    await kubectl.run(['-n', 'testudo', 'rollout', 'status', 'daemonset/testudo-sensor', '--timeout=10m']);
    const pods = await kubectl.json<{ items: { metadata: { name: string }; spec: { nodeName: string } }[] }>([
      ...['-n', 'testudo', 'get', 'pods', '-l', 'app.kubernetes.io/component=sensor'],
    ]);
    const [pod] = pods.items;
    const sensorCredentials = await credentialsOf('sensor');
    const sensor = await start('testudo', pod?.metadata.name ?? '', (config) => {
      const addresses = { address: `127.0.0.1:${hub.sensors}`, admissionAddress: `127.0.0.1:${hub.admission}` };
      Object.assign(config.hub as object, addresses);
      Object.assign(config.kubernetes as object, sensorCredentials);
      Object.assign(config, { health: { listen: '127.0.0.1:0' } });
    });
    expect(await logged(client, 'sensor admitted')).toMatchObject({ node: pod?.spec.nodeName });
    // What the coordinator signed is anchored in what came with the values, and scores.
    await logged(client, 'release fetched and verified');

    // Of the rights each is used, by the sensor for its own node alone.
    await usesItsRights(kubectl, 'client', client);
    const asked = await usesItsRights(kubectl, 'sensor', sensor);
    const selector = `fieldSelector=${encodeURIComponent(`spec.nodeName=${pod?.spec.nodeName}`)}`;
    expect(asked.filter(({ address }) => !address.includes(selector))).toEqual([]);

    const { out } = await type(`testudo cluster remove eu-west-1 --reason "closed" ${operator}`);
    expect(out).toContain('eu-west-1 is revoked; 0 open token(s) voided');
    for (const line of out.split('\n').filter((text) => /^(?:helm|kubectl) /.test(text))) await type(line);
    const left = await kubectl.run(['-n', 'testudo', 'get', 'all,secret,pvc,configmap', '-o', 'name']);
    expect(left).toBe('configmap/kube-root-ca.crt\n');
    expect((await clusters()).find(({ name }) => name === 'eu-west-1')?.connected).toBe(false);
  });
});
