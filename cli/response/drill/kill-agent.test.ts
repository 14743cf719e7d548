import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { runKillAgent } from './kill-agent.ts';
import { OperatorsKubectl } from './kubectl.ts';

/** A kubectl of which the API server answers some questions no more once the agent was killed. Counts what it is asked. */
const program = (folder: string) => `#!${process.execPath}
const { appendFileSync, existsSync, readFileSync, writeFileSync } = require('node:fs');
const words = process.argv.slice(2).join(' ');
const say = (value) => console.log(JSON.stringify(value));
const isKilled = existsSync('${folder}/killed');
const marked = { items: [{ metadata: { uid: 'marked' } }] };
if (words.includes('delete pod')) writeFileSync('${folder}/killed', '');
else if (words.includes('get lease')) say({ spec: { holderIdentity: 'agent-0', renewTime: String(process.hrtime.bigint()) } });
else if (words.includes('get pod agent-0')) {
  const conditions = [{ type: 'Ready', status: 'True' }];
  say({ metadata: { name: 'agent-0', uid: isKilled ? 'second' : 'first' }, status: { conditions } });
} else if (!isKilled || !words.includes('-l ')) say(marked);
else if (words.includes('testudo.io/quarantined')) process.exit(1);
else {
  appendFileSync('${folder}/looks', 'x');
  const looks = readFileSync('${folder}/looks', 'utf8').length;
  if (looks === 1) process.exit(1);
  say(looks === 2 ? marked : { items: [] });
}
`;

it('takes pods that could not be listed neither for fallen out of quarantine nor for done with a rotation', async () => {
  const folder = tempDir();
  const kubectl = join(folder, 'kubectl.cjs');
  await writeFile(kubectl, program(folder));
  await chmod(kubectl, 0o755);
  const { signal } = new AbortController();
  const checks = await runKillAgent(new OperatorsKubectl(kubectl, 'testudo', [], signal), 'testudo-agent', signal);
  expect(checks.map(({ verdict }) => verdict)).toEqual(['as expected', 'not measured', 'as expected']);
  expect(await readFile(join(folder, 'looks'), 'utf8')).toBe('xxx');
}, 600_000);
