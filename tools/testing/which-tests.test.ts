import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';
import { costsOf } from './kept-costs.mjs';
import { longTests, shortVariable, whichTests } from './which-tests.mjs';

describe('whichTests', () => {
  it.each([
    [[], {}, 'short', []],
    [['--all'], {}, 'all', []],
    [[], { CI: 'true' }, 'all', []],
    [['client/hub', '-t', 'pods'], {}, 'named', ['client/hub', '-t', 'pods']],
    [['client/hub'], { CI: 'true' }, 'named', ['client/hub']],
    [['--all', 'client/hub'], {}, 'named', ['client/hub']],
    [['--only-kube', 'client/kube'], {}, 'kube', ['client/kube']],
  ])('of %j with %j are %s', (words, environment, which, args) => {
    expect(whichTests(words, environment)).toEqual({ which, args });
  });
});

describe('what is left out', () => {
  it('is by the processor and not by the clock', () => {
    const costs = costsOf('  89.3 231.1 bench/run.test.ts\n   6.0   6.1 a.test.ts\n   1.9  60.0 waits.test.ts\n');
    expect(longTests(costs)).toEqual(['bench/run.test.ts', 'a.test.ts']);
  });

  it('of the short tests is long, or needs images, and is a small part of all files', () => {
    const { [shortVariable]: _, ...environment } = process.env;
    const files = (env: NodeJS.ProcessEnv) => {
      const vitest = join(checkout, 'node_modules', 'vitest', 'vitest.mjs');
      const args = [vitest, 'list', '--filesOnly', '--project', 'own', '--project', 'shared'];
      const { status, stdout } = spawnSync(process.execPath, args, { cwd: checkout, env, encoding: 'utf8' });
      expect(status).toBe(0);
      return stdout.split('\n').flatMap((row) => /(\S+\.test\.ts)$/.exec(row)?.[1] ?? []);
    };
    const [all, short] = [files(environment), files({ ...environment, [shortVariable]: 'yes' })];
    const gone = all.filter((file) => !short.includes(file));
    const long = longTests().filter((file) => all.includes(file));
    expect(gone.toSorted()).toEqual(
      [...new Set([...long, ...all.filter((file) => file.endsWith('.images.test.ts'))])].sort(),
    );
    expect(gone.length).toBeGreaterThan(20);
    expect(short.length).toBeGreaterThan(0.9 * all.length);
  });
});
