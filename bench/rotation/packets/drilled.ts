/** The drill that quarantines a probe pod, run as an operator runs it, where packets are real: kwok hands `kubectl exec` on to a program here. */
import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../../../base/atomic-file.ts';
import { apply } from '../../../tools/testing/kube/agent-account.ts';
import type { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { denyAll } from '../../../tools/testing/kube/quarantine-ground.ts';
import { PodNetwork } from './pod-network.ts';

const source = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** What the drill says of one thing that it looked at, by `--json`. */
export type Drilled = Readonly<{ what: string; verdict: string; happened: string }>;

/**
 * A `nc` for `kubectl exec`, and kwok's leave to run it: it runs in the network of the pod whose name stands in a file. Before the control
 * plane starts, since kwok looks for programs where its own PATH says.
 */
export function prepareExec(folder: string) {
  const bin = join(folder, 'bin');
  const callerFile = join(folder, 'caller');
  makeFolder(bin);
  const nc = join(bin, 'nc');
  writeFileSync(
    nc,
    `#!/bin/sh\nexec ip netns exec "$(cat ${callerFile})" ${process.execPath} ${source('./nc.mjs')} "$@"\n`,
  );
  chmodSync(nc, 0o755);
  process.env.PATH = `${bin}:${process.env.PATH}`;
  const exec = {
    ...{ apiVersion: 'kwok.x-k8s.io/v1alpha1', kind: 'ClusterExec', metadata: { name: 'nc' } },
    spec: { selector: {}, execs: [{ local: { workDir: '/' } }] },
  };
  const configuration = join(folder, 'exec.yaml');
  writeFileSync(configuration, JSON.stringify(exec));
  return { configuration, callerFile };
}

/**
 * What it says in a namespace without the policy that isolates, and in one with it. `from`: the networks of its pods are numbered on from
 * here.
 */
export async function drilledWithPackets(kubectl: Kubectl, callerFile: string, from: number) {
  const networks: PodNetwork[] = [];
  const drill = async (namespace: string) => {
    const stopping = new AbortController();
    const following = follow(kubectl, namespace, stopping.signal, async (name, address) => {
      const number = from + networks.length;
      networks.push(await PodNetwork.of(address, number));
      if (name.endsWith('-caller')) writeFileSync(callerFile, `pod-${number}`);
    });
    try {
      return await runDrill(kubectl, namespace);
    } finally {
      stopping.abort();
      await following;
    }
  };
  try {
    for (const namespace of ['open', 'drilled']) await kubectl.run(['create', 'namespace', namespace]);
    await apply(kubectl, [denyAll('drilled')]);
    return { without: await drill('open'), within: await drill('drilled') };
  } finally {
    for (const network of networks) network.close();
  }
}

/** Each pod of a namespace once, as soon as it has an address. */
async function follow(
  kubectl: Kubectl,
  namespace: string,
  signal: AbortSignal,
  onPod: (name: string, address: string) => Promise<void>,
): Promise<void> {
  const known = new Set<string>();
  while (!signal.aborted) {
    const got = await kubectl.try('kubectl', ['-n', namespace, 'get', 'pods', '-o', 'json']);
    const { items } = (got.code === 0 ? JSON.parse(got.out) : { items: [] }) as { items: readonly Raw[] };
    for (const { metadata, status } of items) {
      if (status.podIP === undefined || known.has(metadata.uid)) continue;
      known.add(metadata.uid);
      await onPod(metadata.name, status.podIP);
    }
    await pause(100);
  }
}

type Raw = Readonly<{ metadata: { name: string; uid: string }; status: { podIP?: string } }>;

async function runDrill(kubectl: Kubectl, namespace: string): Promise<readonly Drilled[]> {
  const args = [source('../../../cli/testudo.ts'), 'drill', 'run', 'quarantine-probe', '-n', namespace, '--json'];
  const flags = ['--disable-warning=ExperimentalWarning'];
  return await new Promise((resolve, reject) => {
    const { PATH, KUBECONFIG } = kubectl.environment;
    execFile(
      process.execPath,
      [...flags, ...args],
      { env: { ...process.env, PATH, KUBECONFIG } },
      (error, out, said) => {
        const lines = out.split('\n').filter((line) => line.startsWith('{'));
        // It ends with 1 where something is not as expected.
        if (lines.length === 0) reject(new Error(`the drill did not run: ${said || error?.message}`));
        else resolve(lines.map((line) => JSON.parse(line) as Drilled));
      },
    );
  });
}
