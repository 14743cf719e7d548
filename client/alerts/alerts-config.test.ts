import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { unwrap } from '../../base/fault.ts';
import { parseClientConfig } from '../config.ts';

function parsed(alerts: unknown) {
  const settings = { dataDirectory: 'data', coordinator: { addresses: ['127.0.0.1:1'] }, alerts };
  return parseClientConfig({ file: { path: '/etc/testudo/client.yaml', text: JSON.stringify(settings) } });
}

it('the page about alerts shows a configuration that is one', () => {
  const page = readFileSync(new URL('../../docs/alerts.md', import.meta.url), 'utf8');
  const { alerts } = parse(/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '') as { alerts: unknown };
  const { sinks } = unwrap(parsed(alerts)).alerts;
  expect(sinks.map(({ kind }) => kind)).toEqual(['webhook', 'syslog', 'alertmanager', 'otlp', 'ocsf']);
  expect(sinks[0]).toMatchObject({ secretFile: '/etc/testudo/hook.key' });
});

it('what is wrong with a sink is told with where it stands, and with what was probably meant', () => {
  const file = '/var/log/findings.jsonl';
  const twice = parsed({ sinks: [1, 2].map(() => ({ kind: 'ocsf', name: 'lake', file })) });
  expect(twice).toMatchObject({
    fault: { message: expect.stringContaining('alerts.sinks: two sinks have the same name') },
  });
  const wrong = parsed({ sinks: [{ kind: 'webhok', name: 'hook', url: 'https://a.example' }] });
  expect(wrong).toMatchObject({
    fault: { message: expect.stringMatching(/alerts\.sinks\.0\.kind: .*; did you mean webhook\?/) },
  });
  const elsewhere = parsed({ sinks: [{ kind: 'webhook', name: 'hook', url: 'file:///etc/passwd' }] });
  expect(elsewhere).toMatchObject({ fault: { message: expect.stringContaining('expected an http or https address') } });
  const url = 'https://ada:s3cret@hooks.example/path';
  const told = parsed({ sinks: [{ kind: 'webhook', name: 'hook', url }] });
  expect(told).toMatchObject({ fault: { message: expect.stringContaining('does not belong in the address') } });
  expect(JSON.stringify(told)).not.toContain('s3cret');
  const at = parsed({ sinks: [{ kind: 'webhook', name: 'hook', url: 'https://hooks.example/@ada?to=@b' }] });
  expect(at).toMatchObject({ ok: true });
});
