import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { digestOf } from '../digest.ts';
import { newSigningKeyPair } from '../envelope/crypto/keys.ts';
import { checkInstallReport, installReportBytes, signInstallReport, verifyInstallReport } from './install-report.ts';
import { checkShadowReport, shadowReportBytes, signShadowReport, verifyShadowReport } from './shadow-report.ts';

const key = newSigningKeyPair();

const install = {
  federation: 'herd',
  cluster: 'eu-west-1',
  track: 'syscall',
  version: 7,
  manifestDigest: digestOf(Buffer.from('manifest')),
  outcome: 'installed',
  faultCode: '',
  pinsVersion: 3,
  atMs: 1_700_000_000_000,
};

const shadow = {
  federation: 'herd',
  cluster: 'eu-west-1',
  track: 'syscall',
  version: 7,
  liveVersion: 6,
  durationMs: 60_000,
  scoredCount: 1_000,
  agreedCount: 990,
  shadowAlertCount: 11,
  liveAlertCount: 12,
  recalls: [
    { attackClass: 'miner', caseCount: 10, shadowFoundCount: 9, liveFoundCount: 8 },
    { attackClass: 'shell', caseCount: 5, shadowFoundCount: 4, liveFoundCount: 3 },
  ],
  falsePositiveCaseCount: 20,
  shadowFalsePositiveCount: 2,
  liveFalsePositiveCount: 1,
  shadowLatencyUs: 150,
  liveLatencyUs: 140,
  atMs: 1_700_000_000_000,
};

describe('an install report', () => {
  const report = unwrap(checkInstallReport(install));

  it('verifies by the key that signed it, and only as it was', () => {
    const signature = signInstallReport(report, key);
    expect(verifyInstallReport(report, signature, key.publicKey)).toEqual({ ok: true, value: report });
    const changes = {
      federation: 'flock',
      cluster: 'eu-west-2',
      track: 'flow',
      version: 8,
      manifestDigest: digestOf(Buffer.from('other')),
      outcome: 'kept',
      pinsVersion: 4,
      atMs: 1,
    };
    for (const [field, value] of Object.entries(changes)) {
      const other = unwrap(checkInstallReport({ ...install, [field]: value }));
      expect(verifyInstallReport(other, signature, key.publicKey), field).toMatchObject({
        ok: false,
        fault: { code: 'SIGNATURE_INVALID' },
      });
    }
  });

  it.each([
    ['no object', null, 'shape'],
    ['an unknown outcome', { ...install, outcome: 'INSTALLED' }, 'outcome'],
    ['a code without a refusal', { ...install, faultCode: 'FILE_DIGEST' }, 'faultCode'],
    ['a refusal without a code', { ...install, outcome: 'refused' }, 'faultCode'],
    ['a code in small letters', { ...install, outcome: 'refused', faultCode: 'oops' }, 'faultCode'],
    ['a negative version', { ...install, version: -1 }, 'version'],
    ['a version as text', { ...install, version: '7' }, 'version'],
    ['a pins version beyond u32', { ...install, pinsVersion: 2 ** 32 }, 'pinsVersion'],
  ])('refuses %s, and says where', (_, candidate, where) => {
    const message = expect.stringMatching(new RegExp(`^install report: "?${where}"?: `));
    expect(checkInstallReport(candidate)).toMatchObject({ ok: false, fault: { code: 'REPORT_INVALID', message } });
  });

  it('leaves what does not belong to it behind', () => {
    expect(checkInstallReport({ ...install, signature: 'x' })).toEqual({ ok: true, value: install });
  });
});

describe('a shadow report', () => {
  const report = unwrap(checkShadowReport(shadow));

  it('verifies by the key that signed it, and only as it was', () => {
    const signature = signShadowReport(report, key);
    expect(verifyShadowReport(report, signature, key.publicKey)).toEqual({ ok: true, value: report });
    for (const field of Object.keys(shadow).filter((name) => typeof shadow[name as never] === 'number')) {
      const other = { ...report, [field]: (report[field as never] as number) + 1 };
      expect(verifyShadowReport(other, signature, key.publicKey).ok, field).toBe(false);
    }
    for (const recalls of [[], report.recalls.slice(1), report.recalls.toReversed()]) {
      expect(verifyShadowReport({ ...report, recalls }, signature, key.publicKey).ok).toBe(false);
    }
  });

  it.each([
    ['agreement on more than was scored', { agreedCount: 1_001 }],
    ['more alarms than scores', { shadowAlertCount: 1_001 }],
    ['more found than there are', { recalls: [{ ...shadow.recalls[0], shadowFoundCount: 11 }] }],
    ['a class twice', { recalls: [shadow.recalls[0], shadow.recalls[0]] }],
    [
      '65 classes',
      { recalls: Array.from({ length: 65 }, (_, n) => ({ ...shadow.recalls[0], attackClass: `c${100 + n}` })) },
    ],
    ['more false positives than cases', { liveFalsePositiveCount: 21 }],
    ['a fraction', { durationMs: 0.5 }],
  ])('refuses %s', (_, change) => {
    expect(checkShadowReport({ ...shadow, ...change })).toMatchObject({ ok: false, fault: { code: 'REPORT_INVALID' } });
  });

  it('may name a class that sorts before every letter', () => {
    const recalls = [{ ...shadow.recalls[0], attackClass: '0day' }, ...shadow.recalls];
    expect(checkShadowReport({ ...shadow, recalls }).ok).toBe(true);
  });

  it('never has the bytes of an install report', () => {
    expect(shadowReportBytes(report).subarray(0, 30)).not.toEqual(
      installReportBytes(unwrap(checkInstallReport(install))).subarray(0, 30),
    );
  });
});
