import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { runRotateCanary } from './rotate-canary.ts';
import { kubectlOf, leftOver, operatorsKubectl } from './testing/plane-kubectl.ts';

const testudo = fileURLToPath(new URL('../../testudo.ts', import.meta.url));

describe('the drill that rotates a canary pod', { timeout: 600_000 }, () => {
  const kubectl = new Kubectl();

  it('finds that a pod under a budget of one is replaced with its Service always served, and leaves nothing behind', async () => {
    const namespace = await kubectl.namespace();
    const { signal } = new AbortController();
    const checks = await runRotateCanary(operatorsKubectl(kubectl, namespace), 'busybox:1.37', signal);
    expect(checks.map(({ verdict, happened }) => [verdict, happened.replaceAll(/\d+/g, 'N')])).toEqual([
      ['as expected', expect.stringContaining("violate the pod's disruption budget")],
      ['as expected', 'another pod was ready after at most N ms'],
      ['as expected', 'granted; the pod is gone'],
      ['as expected', 'never without one, in N states'],
    ]);
    expect(await leftOver(kubectl, namespace)).toEqual([]);
  });

  it('is interrupted half-way at a terminal, and undoes what it made before it ends', async () => {
    const namespace = await kubectl.namespace();
    const words = ['drill', 'run', 'rotate-canary', '-n', namespace, '--kubectl', kubectlOf(kubectl.address)];
    // A group of its own, as a shell gives: the signal goes to all of it.
    const child = spawn(process.execPath, [testudo, ...words], { env: kubectl.environment, detached: true });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stdout.resume();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const ended = once(child, 'close');
    const made = async () =>
      (await kubectl.json<{ items: object[] }>(['-n', namespace, 'get', 'deployments'])).items.length > 0;
    while (!(await made())) await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(-(child.pid as number), 'SIGINT');
    const [code] = await ended;
    expect([code, said.trim()]).toEqual([1, 'DRILL_FAILED: interrupted by SIGINT; what it made was deleted']);
    expect(await leftOver(kubectl, namespace)).toEqual([]);
  });
});
