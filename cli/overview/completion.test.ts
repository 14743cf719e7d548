import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runTestudo } from '../testing/command-line.ts';

const bash = ['/bin/bash', '/usr/bin/bash'].find((path) => existsSync(path));

describe('testudo completion', { timeout: 600_000 }, () => {
  it.skipIf(bash === undefined)(
    'offers in a real bash the verbs and options that there are, after every word',
    async () => {
      const { code, out: script, error } = await runTestudo('completion', 'bash');
      expect({ code, error }).toEqual({ code: 0, error: '' });
      const offered = (...typed: readonly string[]) => {
        const words = ['testudo', ...typed].map((word) => `'${word}'`).join(' ');
        const ask = `${script}\nCOMP_WORDS=(${words}); COMP_CWORD=${typed.length}; _testudo; printf '%s\\n' "\${COMPREPLY[@]}"`;
        return spawnSync(bash as string, ['--norc', '-c', ask], { encoding: 'utf8' })
          .stdout.trimEnd()
          .split('\n');
      };
      expect(offered('stat')).toEqual(['status']);
      expect(offered('rounds', '')).toEqual(expect.arrayContaining(['list', 'show', 'open', 'plan', '--help']));
      expect(offered('rounds', 'open', 'syscall', '--w')).toEqual(['--wait']);
      expect(offered('coordinator', 'in')).toEqual(['init']);
      expect(offered('audit', 'list', '--who', 'rounds', '--s')).toEqual(['--since']); // A value is no verb.
      expect(offered('nonsense', '')).toContain('rounds');
    },
  );

  it('refuses a shell that it does not know', async () => {
    expect((await runTestudo('completion', 'tcsh')).code).toBe(2);
  });
});
