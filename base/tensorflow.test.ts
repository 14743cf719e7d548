import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout } from '../tools/setup/places.mjs';
import { createScratchCheckout, ended } from '../tools/testing/scratch-checkout.ts';

const script = join('tools', 'testing', 'use-tensorflow.ts');

/** Uses #tensorflow in a process of its own, in the main thread or in so many workers. */
function use(env: NodeJS.ProcessEnv, workers = 0, root = checkout) {
  const clean = { ...process.env, TESTUDO_TF: undefined, TF_CPP_MIN_LOG_LEVEL: undefined };
  const args = [join(root, script), String(workers)];
  return ended(spawn(process.execPath, args, { env: { ...clean, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }));
}

describe('#tensorflow', () => {
  it('is the native library, and starts without a word on stderr', async () => {
    expect(await use({})).toEqual({ code: 0, stdout: 'native tensorflow 32\n', stderr: '' });
  });

  it('works in worker threads that start together and end before the process does', async () => {
    expect(await use({}, 3)).toEqual({ code: 0, stdout: 'native tensorflow 32\n'.repeat(3), stderr: '' });
  });

  it('lets TensorFlow speak when TF_CPP_MIN_LOG_LEVEL asks for it', async () => {
    const { code, stderr } = await use({ TF_CPP_MIN_LOG_LEVEL: '0' });
    expect(code).toBe(0);
    if (process.platform === 'linux' && process.arch === 'x64') expect(stderr).toContain('oneDNN');
  });

  it('refuses to start, naming the remedy, when set-up has not been done', async () => {
    const scratch = createScratchCheckout();
    try {
      const { code, stdout, stderr } = await use({}, 0, scratch.root);
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toContain('the native TensorFlow library is not ready: run `node tools/setup.mjs`');
    } finally {
      scratch.remove();
    }
  });

  it('is pure JavaScript only when TESTUDO_TF=js asks for it, and warns', async () => {
    const { code, stdout, stderr } = await use({ TESTUDO_TF: 'js' });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'js cpu 32\n' });
    expect(stderr).toMatch(/^WARNING: TESTUDO_TF=js: TensorFlow runs in pure JavaScript/);
  });

  it('refuses a backend it does not know', async () => {
    const { code, stderr } = await use({ TESTUDO_TF: 'gpu' });
    expect(code).toBe(1);
    expect(stderr).toContain('TESTUDO_TF is "gpu"; it may be "native" (the default) or "js"');
  });
});
