import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rejectedByCollector } from '../../../base/delivery/formats/otlp.ts';
import { framed } from '../../../base/delivery/formats/syslog.ts';
import { webhookSignature } from '../../../base/delivery/formats/webhook.ts';
import { anAlert, knownAttack, sender } from '../testing/alerts.ts';
import { alertmanagerBody } from './alertmanager.ts';
import { ocsfFinding } from './ocsf.ts';
import { otlpBody } from './otlp.ts';
import { alertMessage } from './syslog.ts';
import { webhookBody } from './webhook.ts';

const nowMs = Date.parse('2026-11-28T12:00:05Z');
const hostile = fc.string({ unit: 'binary', maxLength: 30 });
const once = { item: anAlert('1'), repeats: 1 };

describe('a webhook', () => {
  it('gets the alert as it is, and a signature that a receiver can make again', () => {
    const body = webhookBody({ item: knownAttack('1'), repeats: 3 }, sender);
    expect(JSON.parse(body)).toMatchObject({
      format: 'testudo/alert/1',
      federation: 'herd',
      cluster: 'eu-1',
      family: 'reverse-shell',
      repeats: 3,
      alert: knownAttack('1'),
    });
    const mac = createHmac('sha256', 'a key of 16 bytes').update(`1764331205.${body}`).digest('hex');
    expect(webhookSignature(Buffer.from('a key of 16 bytes'), 1_764_331_205, body)).toBe(`sha256=${mac}`);
  });
});

describe('RFC 5424', () => {
  const shape =
    /^<(\d{1,3})>1 (\S+) (\S+) testudo (\d+) alert \[testudo@32473((?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")+)\] \uFEFF([^\p{Cc}]*)$/u;

  it('has priority, time, host, the fields as structured data and the text on one line', () => {
    const [, priority, at, host, , data, text] = shape.exec(alertMessage(once, sender, 10)) ?? [];
    expect({ priority, at, host }).toEqual({ priority: '84', at: once.item.at, host: 'node-7.example' });
    expect(data).toContain(` id="${once.item.id}" federation="herd" cluster="eu-1" track="syscall" family="unusual"`);
    expect(data).toContain(' score="9.5" threshold="4.25" model="7"');
    expect(text).toContain('calls never seen: ptrace');
    expect(alertMessage({ item: knownAttack('1'), repeats: 1 }, sender, 10)).toMatch(
      /^<82>1 .* family="reverse-shell"/,
    );
  });

  it('keeps its form whatever names and texts hold, and its frame says its length', () => {
    fc.assert(
      fc.property(hostile, hostile, (name, text) => {
        const message = alertMessage({ item: anAlert('1', name, { text }), repeats: 1 }, sender, 1);
        expect(message).toMatch(shape);
        const frame = framed(message).toString('latin1');
        const [length = ''] = frame.split(' ', 1);
        expect(Buffer.from(message).byteLength).toBe(Number(length));
        expect(frame.length).toBe(length.length + 1 + Number(length));
      }),
    );
  });
});

describe('Alertmanager', () => {
  it('gets labels that tell groups apart, and ids and scores as annotations', () => {
    const [alert] = JSON.parse(alertmanagerBody(once, sender, nowMs));
    expect(alert.labels).toEqual({
      alertname: 'TestudoAlert',
      federation: 'herd',
      testudo_cluster: 'eu-1',
      track: 'syscall',
      family: 'unusual',
      namespace: 'shop',
      workload: 'web',
      pod: 'web-1',
      severity: 'warning',
    });
    expect(alert.annotations).toMatchObject({ alert_id: once.item.id, score: '9.5', repeats: '1' });
    expect(Date.parse(alert.endsAt) - nowMs).toBe(3_600_000);
  });
});

describe('OTLP', () => {
  it('is an ExportLogsServiceRequest in which 64-bit numbers are texts', () => {
    const { resourceLogs } = JSON.parse(otlpBody({ ...once, repeats: 4 }, sender, nowMs));
    const [{ resource, scopeLogs }] = resourceLogs;
    expect(resource.attributes).toContainEqual({ key: 'k8s.cluster.name', value: { stringValue: 'eu-1' } });
    const [record] = scopeLogs[0].logRecords;
    expect(record).toMatchObject({
      timeUnixNano: '1795867200000000000',
      severityNumber: 13,
      eventName: 'testudo.alert',
    });
    expect(record.attributes).toContainEqual({ key: 'testudo.repeats', value: { intValue: '4' } });
    expect(record.attributes).toContainEqual({ key: 'testudo.score', value: { doubleValue: 9.5 } });
  });

  it('reads how many records a collector threw away', () => {
    expect(rejectedByCollector('{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"no"}}')).toBe(1);
    expect(rejectedByCollector('{"partialSuccess":{}}')).toBe(0);
    expect(rejectedByCollector('')).toBe(0);
  });
});

describe('OCSF', () => {
  it('is a Detection Finding with everything that its class requires', () => {
    expect(ocsfFinding({ item: knownAttack('1'), repeats: 2 }, sender)).toMatchObject({
      category_uid: 2,
      class_uid: 2004,
      activity_id: 1,
      type_uid: 200_401,
      severity_id: 4,
      time: Date.parse(once.item.at),
      count: 2,
      metadata: { version: '1.3.0', product: { name: 'Testudo', vendor_name: 'Testudo' } },
      finding_info: { uid: once.item.id, title: 'shop/web-1 scored 9.5 above 4.25', types: ['reverse-shell'] },
      resources: [{ name: 'web-1', namespace: 'shop' }],
    });
  });
});
