import { describe, expect, it } from 'vitest';
import { apply } from '../../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { runQuarantineProbe } from './quarantine-probe.ts';
import { leftOver, operatorsKubectl } from './testing/plane-kubectl.ts';

describe('the drill that quarantines a probe pod', { timeout: 600_000 }, () => {
  it('says what the control plane did, what could not be measured, and leaves nothing behind', async () => {
    const kubectl = new Kubectl();
    const namespace = await kubectl.namespace();
    const spec = {
      podSelector: { matchLabels: { 'testudo.io/quarantined': 'true' } },
      policyTypes: ['Ingress', 'Egress'],
    };
    const probe = () =>
      runQuarantineProbe(operatorsKubectl(kubectl, namespace), namespace, 'busybox:1.37', new AbortController().signal);
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
    expect(checks[0]?.happened).toMatch(/^the pod was out of it after at most \d+ ms/);
    expect(await leftOver(kubectl, namespace)).toEqual([]);
  });
});
