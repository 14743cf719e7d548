import { spawn } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Outbox } from '../../base/delivery/outbox.ts';
import { unwrap } from '../../base/fault.ts';
import { anAlert, knownAttack } from '../../client/alerts/testing/alerts.ts';
import type { Alert } from '../../client/scoring/alert.ts';
import { type Notification, notificationOf } from '../../coordinator/notifications/notification.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { runTestudo } from '../testing/command-line.ts';

const line = (alert: object) => `${JSON.stringify(alert)}\n`;
const attack = knownAttack('attack');

describe('testudo alerts', { timeout: 600_000 }, () => {
  it('lists the newest first, and shows one', async () => {
    const data = tempDir();
    const long = anAlert('long', 'web', { detail: { padding: 'x'.repeat(600_000) } }); // More than is read at a time.
    const flow = anAlert('flow', 'db', { track: 'flow' });
    writeFileSync(
      join(data, 'alerts.jsonl'),
      ['{"cut', line(anAlert('1')), line(long), line(flow), line(attack)].join(''),
    );
    const listed = await runTestudo('alerts', 'list', '-d', data);
    expect(listed.error).toBe('');
    const ids = listed.out
      .split('\n')
      .slice(1)
      .map((row) => row.split(' ', 1)[0]);
    expect(ids).toEqual([attack.id, flow.id, long.id, '']); // The first stands in a line that was cut.
    expect(listed.out).toMatch(/shop\/web +reverse-shell +9\.500 +4\.250 +7$/m);
    const flows = await runTestudo('alerts', 'list', '-d', data, '--track', 'flow', '--json');
    expect(JSON.parse(flows.out)).toEqual(flow);
    const shown = await runTestudo('alerts', 'show', attack.id, '-d', data);
    expect(shown.out).toContain('calls never seen: ptrace');
    const explained = await runTestudo('explain', attack.id, '--data', data);
    expect(explained.error).toBe('');
    expect(explained.out).toMatch(/^family +reverse-shell$/m);
    expect(explained.out).toContain('9.500, 2.235 times the threshold of 4.250');
    expect(explained.out).toContain(`testudo feedback ${attack.id} false-positive`);
    expect(JSON.parse((await runTestudo('explain', attack.id, '--data', data, '--json')).out)).toEqual(attack);
    expect(await runTestudo('alerts', 'show', 'a-0123456789abcdef', '-d', data)).toMatchObject({
      code: 1,
      error: expect.stringContaining('ALERT_NOT_FOUND'),
    });
    expect((await runTestudo('alerts', 'show', 'nonsense', '-d', data)).code).toBe(2);
  });

  it('passes over lines that are no alerts, and what is in one reaches no terminal', async () => {
    const data = tempDir();
    const detail = { file: '/tmp/x\n\nNormal? nothing to do' };
    const hostile = anAlert('hostile', '\x1b[2Jweb\u202e', { threshold: Number.POSITIVE_INFINITY, detail });
    const lines = ['null\n', '[]\n', line({ id: 'a-0123456789abcdee', text: 'x', subject: {} }), line(hostile)];
    writeFileSync(join(data, 'alerts.jsonl'), lines.join(''));
    const { code, out, error } = await runTestudo('alerts', 'list', '-d', data);
    expect({ code, error, rows: out.trimEnd().split('\n').length }).toEqual({ code: 0, error: '', rows: 2 });
    expect(out).toMatch(/shop\/\?\[2Jweb\? .* - +7$/m);
    const explained = await runTestudo('explain', hostile.id, '--data', data);
    expect(explained.out).toContain('Noted:\n  file: /tmp/x??Normal? nothing to do\n\nNormal? `testudo feedback ');
  });

  it('shows what no sink took, and queues it anew', async () => {
    const data = tempDir();
    const outbox = unwrap(Outbox.open<Alert>(data));
    outbox.put(['hook'], { item: attack, repeats: 1 }, Date.now());
    outbox.bury(1, 'HTTP 400', Date.now());
    const dead = await runTestudo('alerts', 'undelivered', '-d', data);
    const asJson = await runTestudo('alerts', 'undelivered', '-d', data, '--json');
    expect(JSON.parse(asJson.out)).toMatchObject({ alert: { id: attack.id } });
    expect(dead.out).toMatch(new RegExp(`^${attack.id} +hook +2026-11-28T12:00:00Z +1 +HTTP 400$`, 'm'));
    expect((await runTestudo('alerts', 'retry', attack.id, '-d', data)).out).toBe('1 queued anew\n');
    expect((await runTestudo('alerts', 'undelivered', '-d', data)).out).toContain('every alert was taken');
    expect(outbox.due('hook', Date.now())?.outgoing.item).toEqual(attack);
    outbox.close();
    expect((await runTestudo('alerts', 'retry', attack.id, '-d', data)).code).toBe(1);
  });

  it("does the same for a coordinator's notifications", async () => {
    const folder = tempDir();
    const config = join(folder, 'coordinator.yaml');
    writeFileSync(config, 'federation: herd\ndataDirectory: data\nmasterKey: { environment: KEY }\n');
    const matter = {
      severity: 'critical',
      code: 'FROZEN',
      track: '',
      cluster: '',
      about: 'f-1',
      text: 'x',
      atMs: 1,
    } as const;
    const item = notificationOf(matter, 'open', null, 1, 2);
    const outbox = unwrap(Outbox.open<Notification>(join(folder, 'data')));
    onTestFinished(() => outbox.close());
    outbox.put(['pager'], { item, repeats: 1 }, 1);
    outbox.bury(1, 'HTTP 401', 2);
    const dead = await runTestudo('alerts', 'undelivered', '--coordinator', config);
    expect(dead.out).toMatch(new RegExp(`^${item.id} +pager +1970-01-01T00:00:00Z +1 +HTTP 401$`, 'm'));
    expect((await runTestudo('alerts', 'retry', '--coordinator', config, '--json')).out).toBe('{"queued":1}\n');
    expect(outbox.due('pager', Date.now())?.outgoing.item).toEqual(item);
    expect((await runTestudo('alerts', 'retry', '--coordinator', config, '-d', folder)).code).toBe(2);
  });

  it('watches what is raised from now on', async () => {
    const data = tempDir();
    const file = join(data, 'alerts.jsonl');
    writeFileSync(file, line(anAlert('before')));
    const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));
    const words = [testudo, 'alerts', 'watch', '-d', data, '--json'];
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    // It says nothing of when it looks: alerts are raised until one is told of.
    let count = 0;
    const raising = setInterval(() => appendFileSync(file, line(anAlert(`w-${count}`, `w-${count++}`))), 50);
    for await (const told of createInterface({ input: child.stdout })) {
      expect(JSON.parse(told).subject.workload).toMatch(/^w-\d+$/);
      break;
    }
    clearInterval(raising);
  });
});
