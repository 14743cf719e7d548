import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { parseAddress } from '../../client/link/address.ts';
import type { QuarantinePage } from '../../client/response/quarantine/quarantine.ts';
import { type Alert, alertId } from '../../client/scoring/alert.ts';
import { HubLink } from '../../client/sensor/hub-link.ts';
import { trackKind } from '../../client/tracks/syscall/track.ts';
import { TestFederation } from '../../coordinator/testing/federation.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { startTcpProxy } from '../../lab/testing/tcp-proxy.ts';
import { DeliverRequest } from '../../proto/generated/testudo/v1/sensors.ts';
import { runTestudo } from '../testing/command-line.ts';

const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));
const signal = new AbortController().signal;

const alertOf = (name: string): Alert => ({
  ...{ id: alertId('syscall', name), at: new Date().toISOString(), track: 'syscall', modelVersion: 1 },
  ...{ score: 3, threshold: 1, text: name, labels: [], detail: {} },
  subject: { namespace: 'shop', workload: 'web', workloadClass: 'nginx', pod: 'web-0' },
});

type Line = Readonly<Record<string, unknown>>;

/** A process of ours, and what it says. */
function run(...args: string[]) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', testudo, ...args]);
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  onTestFinished(kill);
  const waiting: [(line: Line) => boolean, (line: Line) => void][] = [];
  const seen: Line[] = [];
  const hear = (text: string) => {
    const line = parsed(text);
    seen.push(line);
    for (const [fits, resolve] of waiting) if (fits(line)) resolve(line);
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream as never }).on('line', hear);
  const ended = once(child as ChildProcess, 'exit').then(() => {
    throw new Error(`it ended: ${JSON.stringify(seen.slice(-5))}`);
  });
  ended.catch(() => undefined);
  /** The next line with this message, or one that was said already. */
  const said = (msg: string, isNew = false) => {
    const fits = (line: Line) => line.msg === msg;
    const before = isNew ? undefined : seen.find(fits);
    if (before !== undefined) return before;
    return Promise.race([new Promise<Line>((resolve) => waiting.push([fits, resolve])), ended]);
  };
  return { said, kill };
}

function parsed(text: string): Line {
  try {
    return JSON.parse(text);
  } catch {
    return { msg: text };
  }
}

it('an agent hears from its hub what sensors raise, goes on without it, and counts nothing twice when it is back', {
  timeout: 600_000,
}, async () => {
  const folder = tempDir();
  const federation = await TestFederation.start({ values: 10, architecture: 'testudo/syscall-grams/1' });
  await writeFile(join(folder, 'north.token'), await federation.token('north'));
  const tokens = { sensor: 's'.repeat(40), agent: 'a'.repeat(40) };
  for (const [name, token] of Object.entries(tokens)) await writeFile(join(folder, `${name}-token`), token);
  const config = {
    dataDirectory: 'north-data',
    coordinator: {
      addresses: [federation.coordinator.addresses.federation],
      enrolAddress: federation.coordinator.addresses.enrolment,
    },
    joinToken: { file: 'north.token' },
    tracks: [{ id: 'syscall', folder: 'syscall' }],
    sources: [],
    hub: {
      ...{ listen: '127.0.0.1:0', admissionListen: '127.0.0.1:0' },
      admission: { kind: 'file', path: 'sensor-token', agentPath: 'agent-token' },
    },
    health: { listen: null },
  };
  await writeFile(join(folder, 'north.yaml'), JSON.stringify(config));
  // Its ports are others after each start: the agent's way to it stays.
  const ports = { sensors: 0, admission: 0 };
  const ways = await Promise.all([startTcpProxy(() => ports.sensors), startTcpProxy(() => ports.admission)]);
  onTestFinished(async () => {
    for (const way of ways) await way.close();
  });
  const startHub = async () => {
    const hub = run('client', '-c', join(folder, 'north.yaml'));
    const { sensors, admission } = await hub.said('hub serves sensors');
    Object.assign(ports, { sensors, admission });
    await hub.said('member of a federation');
    return hub;
  };
  const first = await startHub();

  const [address, admissionAddress] = ways.map(({ port }) => `127.0.0.1:${port}`) as [string, string];
  const authorityFile = join(folder, 'north-data', 'hub', 'authority.pem');
  const agentConfig = {
    dataDirectory: 'agent-data',
    namespaces: ['shop'],
    kubernetes: { apiServer: '127.0.0.1:1', tokenFile: 'agent-token', authorityFile },
    hub: { address, admissionAddress, authorityFile, tokenFile: 'agent-token', reconnectSecondsMax: 0.2 },
    quarantine: { cluster: 'north' },
    health: { listen: '127.0.0.1:0' },
  };
  await writeFile(join(folder, 'agent.yaml'), JSON.stringify(agentConfig));
  const agent = run('agent', 'run', '-c', join(folder, 'agent.yaml'));
  const { port } = await agent.said('health server listens');
  const page = async () => (await (await fetch(`http://127.0.0.1:${port}/quarantine`)).json()) as QuarantinePage;
  const heard = async (count: number) => {
    for (;;) {
      const { alerts } = await page();
      if (alerts >= count) return alerts;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await agent.said('the hub tells of alerts');

  // No API server is there, so it does not lead: that no pod stands in its list says nothing, and orders are not followed.
  const orders = agent.said('orders lie here that are not followed: this agent does not lead');
  const uid = '0b6f2c1e-5d1b-4c0e-9a44-1f7f6f0d2a11';
  const lift = await runTestudo('quarantine', 'lift', uid, '-d', join(folder, 'agent-data'), '-r', 'a false alarm');
  expect(lift.out).toContain('which follows it while it leads');
  expect(await orders).toMatchObject({ orders: 1, leader: null });
  const listed = await runTestudo('quarantine', 'list', '-a', `127.0.0.1:${port}`);
  expect(listed.out).toContain(
    "THIS AGENT DOES NOT LEAD and knows of no pod; nobody does just now; 1 in this agent's folder wait until it leads",
  );
  expect(listed.out).not.toContain('none is in quarantine');

  const link = new HubLink(
    {
      address: unwrap(parseAddress(address)),
      admissionAddress: unwrap(parseAddress(admissionAddress)),
      ...{ authorityFile, tokenFile: join(folder, 'sensor-token'), node: 'node-a' },
    },
    systemTimers,
  );
  onTestFinished(() => link.close());
  const example = Buffer.from(
    trackKind.examples.encode({ workload: 'nginx', calls: Uint16Array.from({ length: 20 }, (_, at) => 2 + at) }),
  );
  const alerts = ['one', 'two'].map((name) => {
    const alert = Buffer.from(JSON.stringify(alertOf(name)));
    return { track: 'syscall', alert, example };
  });
  unwrap(await link.deliver(DeliverRequest.fromPartial({ batch: 'b-1', alerts }), signal));
  expect(await heard(2)).toBe(2);

  const away = agent.said('the hub is away: what is known stands');
  await first.kill();
  await away;
  expect(await page()).toMatchObject({ alerts: 2, hubAway: { message: expect.any(String) } });

  await appendFile(join(folder, 'north-data', 'alerts.jsonl'), `${JSON.stringify(alertOf('three'))}\n`);
  const back = agent.said('the hub tells of alerts', true);
  await startHub();
  await back;
  expect(await heard(3)).toBe(3);
  expect(await page()).toMatchObject({ alerts: 3, hubAway: null });
});
