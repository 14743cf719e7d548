import { describe, expect, it } from 'vitest';
import type { Sender } from '../../../base/delivery/outgoing.ts';
import type { Attention } from '../../views/attention.ts';
import { remindMs } from '../changes.ts';
import { notificationOf } from '../notification.ts';
import { notificationWording as wording } from '../wording.ts';

const sender: Sender = { federation: 'herd', cluster: '', build: '0.1.0', host: 'coordinator.example' };
const nowMs = Date.parse('2026-11-28T12:00:00Z');
const matter: Attention = {
  severity: 'critical',
  code: 'ALERT_WAVE',
  track: 'syscall',
  cluster: '',
  about: 'reverse-shell',
  text: 'reverse-shell was seen in 3 clusters within a day (a, b, "c]): look at their alerts',
  atMs: null,
};
const open = { item: notificationOf(matter, 'open', 'warning', nowMs - 60_000, nowMs), repeats: 2 };
const over = { item: notificationOf(matter, 'over', null, nowMs - 60_000, nowMs), repeats: 1 };

describe('a notification', () => {
  it('is JSON for a webhook', () => {
    expect(JSON.parse(wording.webhook(open, sender))).toEqual({
      format: 'testudo/notification/1',
      federation: 'herd',
      repeats: 2,
      notification: open.item,
    });
    expect(open.item.next).toContain('reverse-shell');
  });

  it('has the severity of RFC 5424, and its fields escaped', () => {
    const message = wording.syslog(open, sender, 10);
    expect(message).toMatch(
      /^<82>1 2026-11-28T12:00:00\.000Z coordinator\.example testudo \d+ notification \[testudo@32473 /,
    );
    expect(message).toContain(' code="ALERT_WAVE" state="open" severity="critical" track="syscall"');
    expect(wording.syslog(over, sender, 10)).toMatch(/^<86>1 /);
  });

  it('fires at Alertmanager until it is told again, in the place of what it was before, and is resolved when it is over', () => {
    const [now, before] = JSON.parse(wording.alertmanager(open, sender, nowMs));
    expect(now.labels).toEqual({
      ...{ alertname: 'TestudoCoordinator', federation: 'herd', code: 'ALERT_WAVE', track: 'syscall' },
      ...{ about: 'reverse-shell', severity: 'critical' },
    });
    expect(Date.parse(now.endsAt)).toBeGreaterThan(nowMs + remindMs);
    expect(before.labels).toEqual({ ...now.labels, severity: 'warning' });
    expect(Date.parse(before.endsAt)).toBe(nowMs);
    const [ended] = JSON.parse(wording.alertmanager(over, sender, nowMs));
    expect(ended.labels).toEqual(now.labels); // Otherwise nothing would be resolved.
    expect(Date.parse(ended.endsAt)).toBe(nowMs);
  });

  it('is one OTLP record, with what to do next as an attribute', () => {
    const { resourceLogs } = JSON.parse(wording.otlp(open, sender, nowMs));
    const [record] = resourceLogs[0].scopeLogs[0].logRecords;
    expect(record).toMatchObject({ severityNumber: 17, eventName: 'testudo.notification' });
    expect(record.attributes).toContainEqual({ key: 'testudo.next', value: { stringValue: open.item.next } });
  });

  it('is an OCSF finding that is created, and closed', () => {
    expect(wording.ocsf(open, sender)).toMatchObject({
      ...{ class_uid: 2004, type_uid: 200_401, activity_id: 1, severity_id: 4, status: 'New', count: 2 },
      finding_info: { types: ['ALERT_WAVE'] },
    });
    expect(wording.ocsf(over, sender)).toMatchObject({ type_uid: 200_403, activity_id: 3, status: 'Resolved' });
  });

  it('closes in OCSF the finding that it created, by its id; the next time it is another', () => {
    const findingOf = (outgoing: typeof open) =>
      wording.ocsf(outgoing, sender) as { metadata: { uid: string }; finding_info: { uid: string } };
    const [created, closed] = [findingOf(open), findingOf(over)];
    expect(closed.finding_info.uid).toBe(created.finding_info.uid);
    expect(closed.metadata.uid).not.toBe(created.metadata.uid);
    const again = { item: notificationOf(matter, 'open', null, nowMs, nowMs), repeats: 1 };
    expect(findingOf(again).finding_info.uid).not.toBe(created.finding_info.uid);
  });
});
