import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { TestAgent } from '../../coordinator/testing/agent.ts';
import { track } from '../../coordinator/testing/federation.ts';
import { parseClusterId } from '../../proto/ids.ts';
import { levelOf, responsePolicyInForce } from '../../proto/response-policy.ts';
import { CommandLine } from '../testing/command-line.ts';

describe('testudo response policy', { timeout: 600_000 }, () => {
  it('is signed by an operator, reaches the clusters with the pins, outlives other changes of them, and ends', async () => {
    const line = await CommandLine.start();
    const member = await line.federation.enrol('a');
    const agent = new TestAgent(member, line.federation.coordinator);
    onTestFinished(() => agent.close());
    agent.subscribe([track]);
    const policyOf = (pins: Readonly<{ response?: unknown }>) => responsePolicyInForce(pins.response, Date.now());

    const none = await line.run('response', 'policy', 'show');
    expect(none).toMatchObject({ code: 0, out: expect.stringContaining('RESPONSE_POLICY_ABSENT') });
    const example = await line.offline('response', 'policy', 'example');
    const file = join(line.folder, 'policy.json');
    const rules = [{ namespace: 'shop', workload: 'web', level: 'enforce' }];
    writeFileSync(file, JSON.stringify({ ...JSON.parse(example.out), rules }));

    const put = ['response', 'policy', 'put', file, '--until', '30d', '--reason', 'begin with the shop'];
    const tried = await line.run(...put, '--dry-run');
    expect(tried).toMatchObject({ code: 0, out: expect.stringContaining('+ response: enforce shop/web') });
    expect(line.federation.coordinator.engine.state().metadata.pins?.version).toBe(1);
    const done = await line.run(...put);
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining('pins version 2 is in force') });
    const { pins } = await agent.until((proposal) => proposal.pins.version === 2);
    const policy = unwrap(policyOf(pins));
    const level = (workload: string) => levelOf(policy, { cluster: parseClusterId('a'), namespace: 'shop', workload });
    expect([level('web'), level('db')]).toEqual(['enforce', 'observe']);

    const shown = await line.run('response', 'policy', 'show');
    expect(shown.out).toMatch(/^enforce shop\/web\nobserve everything else\nat least 2 independent alert/);
    expect((await line.run('pins', 'renew', '--reason', 'yearly')).code).toBe(0);
    const renewed = await agent.until((proposal) => proposal.pins.version === 3);
    expect(unwrap(policyOf(renewed.pins))).toEqual(policy);

    writeFileSync(file, JSON.stringify({ ...JSON.parse(example.out), level: 'delete' }));
    const refused = await line.run(...put);
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining('RESPONSE_POLICY_INVALID') });
    const lifted = await line.run('response', 'policy', 'put', 'none', '--reason', 'enough');
    expect(lifted).toMatchObject({ code: 0, out: expect.stringContaining('- response: enforce shop/web') });
    const last = await agent.until((proposal) => proposal.pins.version === 4);
    expect(policyOf(last.pins)).toMatchObject({ fault: { code: 'RESPONSE_POLICY_ABSENT' } });
  });

  it('is refused where root does not name the key of who signs', async () => {
    const line = await CommandLine.start();
    await line.hire('bob', 'operator');
    const file = join(line.folder, 'policy.json');
    writeFileSync(file, (await line.offline('response', 'policy', 'example')).out);
    const bob = await line.runAs('bob', 'response', 'policy', 'put', file, '--reason', 'x');
    expect(bob).toMatchObject({ code: 1, error: expect.stringContaining('PIN_KEY_UNKNOWN') });
    expect(line.federation.coordinator.engine.state().metadata.pins?.version).toBe(1);
  });
});
