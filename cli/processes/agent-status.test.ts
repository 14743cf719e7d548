import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { tinySpec, tinyWeights } from '../../client/releases/testing/agent-rig.ts';
import { ReleasePress } from '../../client/releases/testing/release-press.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { ReleaseGround } from '../../lab/testing/release-ground.ts';
import { parseFederationId, parseTrackId } from '../../proto/ids.ts';
import { runTestudo } from '../testing/command-line.ts';
import { agentStatusText } from './agent-status-text.ts';

async function statusUnder(listen: string) {
  const path = join(tempDir(), 'client.yaml');
  const settings = [
    'dataDirectory: ./data',
    'coordinator: { addresses: ["127.0.0.1:1"] }',
    'dataKey: { environment: KEY }',
  ];
  await writeFile(path, [...settings, `health: { listen: "${listen}" }`].join('\n'));
  return runTestudo('agent', 'status', '--config', path);
}

it('agent status says where to look for a port that the kernel chose, as `testudo up` lets it', async () => {
  const asked = await statusUnder('127.0.0.1:0');
  expect(asked).toMatchObject({
    code: 2,
    out: '',
    error: expect.stringMatching(/--address, .*log says \(healthPort\)/),
  });
}, 600_000);

it('agent status says that nobody answers, and what may help', async () => {
  const asked = await statusUnder('127.0.0.1:1');
  expect(asked).toMatchObject({
    code: 3,
    out: '',
    error: expect.stringMatching(/^UNREACHABLE: .*:1\/score; is it running\?/),
  });
}, 600_000);

it('agent status says of what is refused its cause and what to do, and of a damaged state where it is kept', async () => {
  const track = parseTrackId('syscall');
  const ground = await ReleaseGround.open(track);
  onTestFinished(() => ground.close());
  const { press, server, folder } = ground;
  for (const version of [1, 2]) press.release(version, tinySpec, tinyWeights(version));
  press.point('stable', 1);
  server.push(press.set());
  const first = (await ground.agent()).connect();
  await first.until('installed');
  expect(agentStatusText(first.agent.view())).not.toMatch(/METADATA|damaged/);
  await first.agent.close();
  await writeFile(join(folder, 'agent/state.json'), '');
  const other = new ReleasePress(parseFederationId('flock'), track);
  server.current = { ...press.set(), catalogue: other.set().catalogue };
  const rig = (await ground.agent()).connect();
  await rig.until('refused', ({ fault }) => fault.code.startsWith('METADATA_'));
  const { lastFault, setAside } = rig.agent.view();
  const said = agentStatusText(rig.agent.view());
  const cause = said.split('\n').find((line) => line.startsWith('METADATA_')) ?? expect.fail(said);
  expect(cause).toContain(`${lastFault?.code}: ${lastFault?.message}: `);
  expect(cause).toMatch(/asked for again by itself|ask whoever runs the coordinator/);
  expect(said).toContain(`\n${setAside[0]} was damaged, and its copy went on`);
}, 600_000);
