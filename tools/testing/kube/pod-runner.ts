import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLines, type Member, startMember } from '../../../lab/rig/member.ts';
import type { Kubectl } from './kubectl.ts';

const testudo = fileURLToPath(new URL('../../../cli/testudo.ts', import.meta.url));

type KeyPath = Readonly<{ key: string; path: string }>;
type Volume = Readonly<{
  name: string;
  configMap?: { name: string };
  secret?: { secretName: string; optional?: boolean; defaultMode: number; items?: readonly KeyPath[] };
  persistentVolumeClaim?: { claimName: string };
  projected?: {
    sources: readonly Readonly<{
      serviceAccountToken?: { audience?: string; path: string };
      configMap?: { name: string };
    }>[];
  };
}>;
type Container = Readonly<{
  name: string;
  args: readonly string[];
  env?: readonly Readonly<{
    name: string;
    value?: string;
    valueFrom?: { secretKeyRef?: { name: string; key: string }; fieldRef?: { fieldPath: string } };
  }>[];
  volumeMounts: readonly Readonly<{ name: string; mountPath: string }>[];
}>;
type Pod = Readonly<{
  metadata: { name: string; namespace: string };
  spec: {
    nodeName: string;
    serviceAccountName: string;
    volumes: readonly Volume[];
    initContainers?: readonly Container[];
    containers: readonly Container[];
  };
}>;

export type PodPlan = Readonly<{
  kubectl: Kubectl;
  namespace: string;
  pod: string;
  /** Where volumes and logs go; claims survive in it from one run to the next. */
  folder: string;
  /** Last words on a ConfigMap's file: ports of this machine are the kernel's to choose. */
  configure?: (text: string) => string;
}>;

/**
 * Does for one pod what a kubelet would, without any container: its volumes as folders, filled from the API server, and
 * what its containers run as an ordinary process of this machine. Files of ConfigMaps and arguments name these folders
 * where they named mount paths.
 */
export async function runPod(plan: PodPlan): Promise<Member> {
  const { kubectl, namespace, pod: name, folder } = plan;
  const pod = await kubectl.json<Pod>(['-n', namespace, 'get', 'pod', name]);
  const { initContainers = [], containers } = pod.spec;
  const places = new Map<string, string>();
  for (const { name: volume, persistentVolumeClaim: claim } of pod.spec.volumes) {
    places.set(volume, join(folder, claim === undefined ? join(name, volume) : claim.claimName));
  }
  for (const container of [...initContainers, ...containers]) {
    const moved = mover(container, places);
    for (const volume of pod.spec.volumes) await fill(plan, pod, volume, places, moved);
    const args = [testudo, ...container.args.map(moved)];
    const logFile = join(folder, `${name}-${container.name}.log`);
    const member = await startMember({
      name: container.name,
      args,
      env: await environmentOf(plan, pod, container),
      logFile,
    });
    if (containers.includes(container)) return member;
    await member.exited;
    if (member.exitCode() !== 0)
      throw new Error(`${container.name} ended with ${member.exitCode()}:\n${await lastLines(member)}`);
  }
  throw new Error(`${name} has no container`);
}

/** Names the folders of volumes where a text names mount paths. In one pass: a folder's name may begin like a mount path. */
function mover({ volumeMounts }: Container, places: ReadonlyMap<string, string>): (text: string) => string {
  const byPath = new Map(volumeMounts.map(({ name, mountPath }) => [mountPath, places.get(name) ?? mountPath]));
  // The longest first: one mount may lie below another.
  const paths = [...byPath.keys()].sort((a, b) => b.length - a.length).map((path) => path.replaceAll('.', '\\.'));
  const any = new RegExp(`(?<![\\w/])(?:${paths.join('|')})(?=/|$|\\s)`, 'gm');
  return (text) => text.replaceAll(any, (path) => byPath.get(path) ?? path);
}

async function fill(
  { kubectl, namespace, configure = (text) => text }: PodPlan,
  { metadata, spec }: Pod,
  volume: Volume,
  places: ReadonlyMap<string, string>,
  moved: (text: string) => string,
): Promise<void> {
  const place = places.get(volume.name) as string;
  await mkdir(place, { recursive: true });
  const write = async (path: string, content: string | Buffer) => {
    await mkdir(dirname(join(place, path)), { recursive: true });
    await rm(join(place, path), { force: true }); // It may be read-only.
    await writeFile(join(place, path), content, { mode: volume.secret?.defaultMode ?? 0o644 });
  };
  const mapFiles = async (name: string) => {
    const { data = {} } = await kubectl.json<{ data?: Record<string, string> }>([
      '-n',
      namespace,
      'get',
      'configmap',
      name,
    ]);
    return Object.entries(data);
  };
  if (volume.configMap !== undefined) {
    for (const [key, text] of await mapFiles(volume.configMap.name)) await write(key, configure(moved(text)));
  }
  if (volume.secret !== undefined) {
    const { secretName, optional, items } = volume.secret;
    const got = await kubectl.try('kubectl', ['-n', namespace, 'get', 'secret', secretName, '-o', 'json']);
    if (got.code !== 0 && !optional) throw new Error(got.error);
    const { data = {} } = got.code === 0 ? (JSON.parse(got.out) as { data?: Record<string, string> }) : {};
    for (const { key, path } of items ?? Object.keys(data).map((key) => ({ key, path: key }))) {
      await write(path, Buffer.from(data[key] ?? '', 'base64'));
    }
  }
  for (const { serviceAccountToken, configMap } of volume.projected?.sources ?? []) {
    if (serviceAccountToken !== undefined) {
      const { audience, path } = serviceAccountToken;
      const bound = ['--bound-object-kind=Pod', `--bound-object-name=${metadata.name}`];
      const of = audience === undefined ? [] : [`--audience=${audience}`];
      await write(
        path,
        await kubectl.run(['-n', namespace, 'create', 'token', spec.serviceAccountName, ...bound, ...of]),
      );
    }
    if (configMap !== undefined) for (const [key, text] of await mapFiles(configMap.name)) await write(key, text);
  }
}

async function environmentOf({ kubectl, namespace }: PodPlan, { spec }: Pod, { env = [] }: Container) {
  const server = new URL(kubectl.address.url);
  const out: Record<string, string> = {
    KUBERNETES_SERVICE_HOST: server.hostname,
    KUBERNETES_SERVICE_PORT: server.port,
  };
  for (const { name, value, valueFrom } of env) {
    if (value !== undefined) out[name] = value;
    if (valueFrom?.fieldRef?.fieldPath === 'spec.nodeName') out[name] = spec.nodeName;
    if (valueFrom?.secretKeyRef !== undefined) {
      const { name: secret, key } = valueFrom.secretKeyRef;
      const { data } = await kubectl.json<{ data: Record<string, string> }>(['-n', namespace, 'get', 'secret', secret]);
      out[name] = Buffer.from(data[key] ?? '', 'base64').toString('utf8');
    }
  }
  return out;
}

/** What a process logged with this message, once it has. */
export async function logged<Entry>(member: Member, message: string): Promise<Entry> {
  for (;;) {
    const text = await readFile(member.logFile, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
    const found = whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as { msg?: string });
    const entry = found.find(({ msg }) => msg === message);
    if (entry !== undefined) return entry as Entry;
    if (!member.running())
      throw new Error(`${member.name} ended before it said "${message}":\n${await lastLines(member)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
