import { join } from 'node:path';
import type { Kubectl } from '../../../../tools/testing/kube/kubectl.ts';
import { OperatorsKubectl } from '../kubectl.ts';

/** kubectl as an operator has it, with the configuration of the test's control plane. */
export function operatorsKubectl({ address }: Kubectl, namespace: string, signal?: AbortSignal): OperatorsKubectl {
  return new OperatorsKubectl(kubectlOf(address), namespace, ['--kubeconfig', address.kubeconfig], signal);
}

export function kubectlOf({ programs }: Kubectl['address']): string {
  return join(programs, 'kubectl');
}

/** What drills left behind, by kind and name; waits for what is ending. */
export async function leftOver(kubectl: Kubectl, namespace: string): Promise<readonly string[]> {
  type Object = Readonly<{
    kind: string;
    metadata: Readonly<{ name: string; deletionTimestamp?: string; ownerReferences?: readonly object[] }>;
  }>;
  for (;;) {
    const kinds = 'deployments,replicasets,services,poddisruptionbudgets,pods';
    const { items } = await kubectl.json<{ items: Object[] }>(['-n', namespace, 'get', kinds]);
    const drills = items.filter(({ metadata }) => metadata.name.startsWith('testudo-drill-'));
    // What has an owner goes with it, a little later.
    const stay = drills.filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined && metadata.ownerReferences === undefined,
    );
    if (drills.length === 0 || stay.length > 0) return stay.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
