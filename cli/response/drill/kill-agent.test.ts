import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { runKillAgent } from './kill-agent.ts';
import { OperatorsKubectl } from './kubectl.ts';

/**
 * A kubectl of which the API server answers some questions no more once the agent was killed. Counts what it is asked.
 * `after`: the pods of all namespaces then; undefined where they cannot be listed.
 */
const program = (folder: string, after?: readonly object[]) => `#!${process.execPath}
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
} else if (!isKilled) say(marked);
else if (!words.includes('-l ')) {
  const items = ${JSON.stringify(after) ?? 'undefined'};
  if (items === undefined) process.exit(1);
  say({ items });
} else {
  appendFileSync('${folder}/looks', 'x');
  const looks = readFileSync('${folder}/looks', 'utf8').length;
  if (looks === 1) process.exit(1);
  say(looks === 2 ? marked : { items: [] });
}
`;

/** The verdicts of the drill over that kubectl, and what it says of the pods in quarantine. */
async function drilled(after?: readonly object[]) {
  const folder = tempDir();
  const kubectl = join(folder, 'kubectl.cjs');
  await writeFile(kubectl, program(folder, after));
  await chmod(kubectl, 0o755);
  const { signal } = new AbortController();
  const checks = await runKillAgent(new OperatorsKubectl(kubectl, 'testudo', [], signal), 'testudo-agent', signal);
  const looks = await readFile(join(folder, 'looks'), 'utf8');
  return { verdicts: checks.map(({ verdict }) => verdict), isolated: checks[1]?.happened, looks };
}

it('takes pods that could not be listed neither for fallen out of quarantine nor for done with a rotation', async () => {
  const { verdicts, looks } = await drilled();
  expect(verdicts).toEqual(['as expected', 'not measured', 'as expected']);
  expect(looks).toBe('xxx');
}, 600_000);

it('takes a pod that is gone meanwhile for no pod that fell out of quarantine, and one that lost its mark for one', async () => {
  const [marked, bare] = [{ 'testudo.io/quarantined': 'true' }, { app: 'web' }];
  const pod = (uid: string, labels: object) => ({ metadata: { uid, labels } });
  const others = [pod('another', bare)];
  expect((await drilled([pod('marked', marked), ...others])).isolated).toBe('1 of 1');
  expect((await drilled(others)).isolated).toBe('1 of 1');
  expect(await drilled([pod('marked', bare), ...others])).toMatchObject({
    verdicts: ['as expected', 'NOT as expected', 'as expected'],
    isolated: '1 of 1 fell out of it',
  });
}, 600_000);
