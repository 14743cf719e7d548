import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { apply } from '../../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { OperatorsKubectl } from './kubectl.ts';
import { runQuarantineProbe } from './quarantine-probe.ts';

/** kubectl as an operator has it, with the configuration of the test's control plane. */
class PlaneKubectl extends OperatorsKubectl {
  constructor({ address }: Kubectl, namespace: string) {
    super(join(address.programs, 'kubectl'), namespace, ['--kubeconfig', address.kubeconfig]);
  }
}

describe('the drill that quarantines a probe pod', { timeout: 600_000 }, () => {
  it('says what the control plane did, what could not be measured, and leaves nothing behind', async () => {
    const kubectl = new Kubectl();
    const namespace = await kubectl.namespace();
    const spec = {
      podSelector: { matchLabels: { 'testudo.io/quarantined': 'true' } },
      policyTypes: ['Ingress', 'Egress'],
    };
    const probe = () => runQuarantineProbe(new PlaneKubectl(kubectl, namespace), namespace, 'busybox:1.37');
    const before = await probe();
    expect(before[2]).toMatchObject({
      verdict: 'NOT as expected',
      happened: 'not enforced here: no NetworkPolicy holds its ingress and egress',
    });
    await apply(kubectl, [
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'testudo-quarantine', namespace },
        spec,
      },
    ]);
    const checks = await probe();
    expect(checks.map(({ verdict }) => verdict)).toEqual([
      ...['as expected', 'as expected', 'as expected'],
      // Nothing runs in these pods: what the network does with packets is not to be seen here, and nothing is claimed of it.
      ...['not measured', 'not measured'],
    ]);
    expect(checks[0]?.happened).toMatch(/^out of its EndpointSlice after at most \d+ ms/);
    for (const kind of ['deployments', 'services', 'pods']) {
      for (;;) {
        const { items } = await kubectl.json<{ items: unknown[] }>(['-n', namespace, 'get', kind]);
        if (items.length === 0) break;
      }
    }
  });
});
