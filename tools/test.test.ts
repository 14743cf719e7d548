import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout } from './setup/places.mjs';
import { ended } from './testing/scratch-checkout.ts';

/** Runs tools/test.mjs for the tests that need a control plane, without any. */
function withoutKube(CI: string | undefined) {
  const env = { ...process.env, TESTUDO_KUBE: 'off', CI };
  const args = [join(checkout, 'tools', 'test.mjs'), '--only-kube'];
  return ended(spawn(process.execPath, args, { cwd: checkout, env, stdio: ['ignore', 'pipe', 'pipe'] }));
}

describe('TESTUDO_KUBE=off', () => {
  it('leaves out the tests that need a control plane, and says how many', async () => {
    const { code, stdout } = await withoutKube(undefined);
    const [, count = '0'] = /^TESTUDO_KUBE=off: left out (\d+) tests that need a control plane$/m.exec(stdout) ?? [];
    expect(Number(count)).toBeGreaterThan(25);
    expect(code).toBe(0);
  });

  it('is an error in CI, where nothing is left out', async () => {
    const { code, stdout } = await withoutKube('true');
    expect(stdout).toMatch(/which CI does not allow[\s\S]*\n0 passed, 1 failed\n$/);
    expect(code).toBe(1);
  });
});
