import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededMoments } from '../testing/moments.ts';
import { createScratchCheckout, ended, type ScratchCheckout } from '../testing/scratch-checkout.ts';

let scratch: ScratchCheckout;
beforeAll(() => {
  scratch = createScratchCheckout();
});
afterAll(() => scratch.remove());

const setup = (args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) =>
  scratch.run('tools/setup.mjs', ['--without-redis', ...args], env);
const prove = () => scratch.run('tools/testing/prove-matmul.cjs', [], { TF_CPP_MIN_LOG_LEVEL: '2' });
const stamp = () => join(scratch.root, 'node_modules', '@tensorflow', 'tfjs-node', 'lib', 'testudo-verified.json');

// In order: each test begins where the one before it left the checkout.
describe.sequential('setup.mjs', () => {
  it('names the step, the cause and the remedy when there is no compiler', async () => {
    const { code, stderr } = await setup([], { CXX: join(scratch.root, 'no-such-compiler') });
    expect(code).toBe(1);
    expect(stderr).toContain('set-up stopped at: compile the TensorFlow binding');
    expect(stderr).toMatch(/cause: {2}the C\+\+ compiler .*no-such-compiler did not start/);
    expect(stderr).toMatch(/remedy: install a C\+\+ compiler \(Debian: apt-get install g\+\+\)/);
    expect(existsSync(stamp())).toBe(false);
  });

  it('says why it stopped to a reader whose pipe is full', async () => {
    const fill = join(scratch.root, 'fill.mjs');
    writeFileSync(fill, "process.stderr.write('x'.repeat(8_000_000));");
    const full = { NODE_OPTIONS: `--import=${fill}` };
    expect((await setup(['--purejs'], full)).stderr).toContain('set-up does not know --purejs');
    const folder = join(scratch.root, '.testudo');
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
    const { code, stderr } = await setup([], full);
    rmSync(folder);
    expect([code, stderr.slice(8_000_000)]).toEqual([1, expect.stringContaining('set-up broke: Error: ')]);
  });

  it('goes on without the native library only when asked to', async () => {
    expect(await setup(['--pure-js'])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await setup([], { TESTUDO_TF: 'js' })).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await prove()).code).not.toBe(0);
  });

  it('refuses an option it does not know', async () => {
    expect(await setup(['--purejs'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('knows that it was started when the checkout is reached through a symbolic link', async () => {
    symlinkSync(join(scratch.root, 'tools'), join(scratch.root, 'linked'));
    expect(await scratch.run('linked/setup.mjs', ['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^usage: /),
    });
  });

  it('completes after being killed at five random moments, and never calls half a library ready', async () => {
    for (const momentMs of seededMoments({ seed: 20261121, count: 5, fromMs: 50, toMs: 3_500 })) {
      const child = scratch.start('tools/setup.mjs', ['--without-redis']);
      const end = ended(child);
      await Promise.race([delay(momentMs), end]); // The random moment itself: nothing is awaited by it.
      child.kill('SIGKILL');
      await end;
      if (existsSync(stamp())) expect(await prove()).toMatchObject({ code: 0, stdout: 'tensorflow 20' });
    }
    const last = await setup();
    expect(last, last.stderr).toMatchObject({ code: 0 });
    expect(await prove()).toMatchObject({ code: 0, stdout: 'tensorflow 20' });
    expect(readdirSync(scratch.cache).filter((name) => name.startsWith('tmp-'))).toEqual([]);
  });

  it('does nothing and says nothing when all is done', async () => {
    const report = join(scratch.root, 'report.json');
    expect(await setup(['--report', report])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ phases: [] });
  });

  it('verifies again, and no more than that, after a clean install', async () => {
    rmSync(stamp());
    const both = await Promise.all([setup(), setup()]); // At once: the second waits for the first, or finds it done.
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const said = both.map(({ stderr }) => stderr).join('');
    expect(said.match(/verify native TensorFlow .*: done/g)).toHaveLength(1);
    expect(said).not.toContain('compile');
  });

  it('builds the binding anew when the cached one does not work here', async () => {
    rmSync(stamp());
    const [key = ''] = readdirSync(join(scratch.cache, 'binding'));
    writeFileSync(join(scratch.cache, 'binding', key, 'tfjs_binding.node'), 'not a library');
    const { code, stderr } = await setup();
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('compile the TensorFlow binding: done');
    expect(await prove()).toMatchObject({ code: 0, stdout: 'tensorflow 20' });
  });

  it('notices a library that has shrunk behind its back', async () => {
    const [name = ''] = readdirSync(join(scratch.cache, 'library'));
    rmSync(join(scratch.cache, 'library', name)); // Only the link.
    const { code, stderr } = await setup([], { TESTUDO_TENSORFLOW_WHEEL: join(scratch.root, 'package.json') });
    expect(code).toBe(1);
    expect(stderr).toContain('set-up stopped at: check the wheel');
    expect(readdirSync(join(scratch.cache, 'library'))).toEqual([]);
  });

  it('starts the demo with the arguments given, passing on its exit code and the choice of backend', async () => {
    mkdirSync(join(scratch.root, 'cli'));
    const tell =
      'process.stdout.write(JSON.stringify([process.argv.slice(2), process.env.TESTUDO_TF])); process.exit(7);';
    writeFileSync(join(scratch.root, 'cli', 'testudo.ts'), tell);
    const { code, stdout } = await scratch.run('tools/start.mjs', ['--data', 'X Y', '--pure-js']);
    expect(code).toBe(7);
    expect(JSON.parse(stdout)).toEqual([['demo', '--data', 'X Y'], 'js']);
  });
});
