import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { digestOf } from '../digest.ts';
import { newSigningKeyPair } from '../envelope/crypto/keys.ts';
import { parseClusterId, parseFederationId, parseTrackId } from '../ids.ts';
import { antibodyPinsFor } from './antibody-pins.ts';
import type { AntibodyPin, Pins } from './documents/catalogue.ts';
import { openPins } from './open.ts';
import { signPins } from './sign.ts';

const federation = parseFederationId('herd');
const track = parseTrackId('syscall');
const keys = newSigningKeyPair();
const eu = { cluster: parseClusterId('eu'), labels: { tier: 'edge' } };
const us = { cluster: parseClusterId('us'), labels: {} };
const [shell, scan] = ['shell', 'scan'].map((text) => digestOf(Buffer.from(text))) as [
  AntibodyPin['antibody'],
  AntibodyPin['antibody'],
];
const nowMs = 1_000_000;

let made = 0;
function pin(over: Partial<AntibodyPin>): AntibodyPin {
  made += 1;
  const whole = {
    track,
    subject: null,
    antibody: shell,
    bytes: 5,
    inUse: false,
    untilMs: null,
    reason: 'a test',
    setBy: 'ada',
  };
  return { pinId: `p${made}`, ...whole, ...over };
}
const set = (...antibodies: AntibodyPin[]): Pins => ({
  version: 1,
  expiresAtMs: Date.UTC(2100, 0, 1),
  pins: [],
  antibodies,
});
const idsFor = (member: typeof eu | typeof us, pins: Pins, atMs = nowMs) =>
  antibodyPinsFor(member, track, pins, atMs).map(({ pinId }) => pinId);

it('takes for each antibody the pin for the cluster before one for a label, before one for all, and the last of two alike', () => {
  const all = pin({ inUse: true });
  const label = pin({ subject: { label: { key: 'tier', value: 'edge' } } });
  const own = pin({ subject: { cluster: eu.cluster } });
  const later = pin({ subject: { cluster: eu.cluster }, inUse: true });
  const other = pin({ antibody: scan });
  expect(idsFor(eu, set(own, label, all, other)).sort()).toEqual([other.pinId, own.pinId].sort());
  expect(idsFor(us, set(own, label, all))).toEqual([all.pinId]);
  expect(idsFor(eu, set(label, all))).toEqual([label.pinId]);
  expect(idsFor(eu, set(own, later))).toEqual([later.pinId]);
  expect(idsFor(eu, set(later, own))).toEqual([own.pinId]);
});

it('leaves out what has ended, and what is of another track', () => {
  const ended = pin({ untilMs: nowMs });
  const elsewhere = pin({ track: parseTrackId('flow') });
  const standing = pin({ untilMs: nowMs + 1 });
  expect(idsFor(eu, set(standing, ended, elsewhere))).toEqual([standing.pinId]);
  expect(idsFor(eu, set(standing), nowMs + 1)).toEqual([]);
});

it('travels in the signed set, which is as it was where there is none', () => {
  const pins = set(pin({}), pin({ subject: { cluster: eu.cluster }, inUse: true, untilMs: 2_000_000 }));
  expect(unwrap(openPins(signPins(pins, federation, [keys]), federation))).toEqual(pins);
  const none = signPins(set(), federation, [keys]);
  expect(none.toString('utf8')).not.toContain('antibodies');
  expect(unwrap(openPins(none, federation))).not.toHaveProperty('antibodies');
  const twice = { ...pins, antibodies: [pin({ pinId: 'same' }), pin({ pinId: 'same' })] };
  expect(() => signPins(twice, federation, [keys])).toThrow('each pin id once');
});
