import type { Sender } from '../../../base/delivery/outgoing.ts';
import { type Alert, alertId } from '../../scoring/alert.ts';

export const sender: Sender = { federation: 'herd', cluster: 'eu-1', build: '0.1.0', host: 'node-7.example' };

/** An alert of a pod of this workload, as the alert file has it. */
export function anAlert(identity: string, workload = 'web', more: Partial<Alert> = {}): Alert {
  return {
    id: alertId('syscall', identity),
    at: '2026-11-28T12:00:00.000Z',
    track: 'syscall',
    modelVersion: 7,
    score: 9.5,
    threshold: 4.25,
    subject: { namespace: 'shop', workload, workloadClass: 'nginx', pod: `${workload}-1` },
    text: 'shop/web-1 scored 9.5 above 4.25\ncalls never seen: ptrace',
    labels: [],
    detail: { never: ['ptrace'] },
    ...more,
  };
}

/** One that an antibody knew. */
export function knownAttack(identity: string): Alert {
  return anAlert(identity, 'web', { detail: { antibody: { family: 'reverse-shell', cluster: 'us-1' } } });
}
