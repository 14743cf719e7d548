import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { parseClusterId } from './ids.ts';
import { signCatalogue, signPins } from './release/sign.ts';
import {
  herd,
  keyPair,
  nowMs,
  pointAt,
  sampleCatalogue,
  samplePins,
  sampleSet,
  sampleTrust,
  signers,
} from './release/testing/sample-federation.ts';
import { type ReceivedReleases, walkReleases } from './release/walk.ts';
import {
  firstResponsePolicy,
  levelOf,
  type ResponsePolicy,
  readResponsePolicy,
  responsePolicyInForce,
  responsePolicyJson,
} from './response-policy.ts';

const first = firstResponsePolicy(nowMs);
const enforcing: ResponsePolicy = { ...first, level: 'enforce' };

/** A whole set whose pins, of this version, carry the policy and are signed by these keys. */
function setWith(policy: ResponsePolicy | undefined, version = 1, by: readonly number[] = [30, 31]): ReceivedReleases {
  const response = policy === undefined ? {} : { response: responsePolicyJson(policy) };
  const pins = signPins(samplePins({ version, ...response }), herd, by.map(keyPair));
  const catalogue = signCatalogue(sampleCatalogue({ version }), herd, [keyPair(20)]);
  const change = { snapshot: { version }, timestamp: { version } };
  return { roots: [], ...pointAt({ catalogue, pins }, change), catalogue, pins };
}

describe('a response policy among the pins', () => {
  it('is what operators signed, and nothing where they signed none', () => {
    const walked = walkReleases(sampleTrust(), setWith(enforcing), nowMs);
    const { pins } = unwrap(walked.result) ?? {};
    expect(responsePolicyInForce(pins?.response, nowMs)).toEqual({ ok: true, value: enforcing });
    const without = unwrap(walkReleases(sampleTrust(), sampleSet(), nowMs).result);
    expect(responsePolicyInForce(without?.pins.response, nowMs)).toMatchObject({
      fault: { code: 'RESPONSE_POLICY_ABSENT' },
    });
  });

  it('is refused from anyone but the threshold of pin keys: one of two, the coordinator, a stranger', () => {
    for (const by of [[30], [20], [10], [1, 2], [99, 98], [30, 20]]) {
      const { result } = walkReleases(sampleTrust(), setWith(enforcing, 1, by), nowMs);
      expect(result, by.join()).toMatchObject({ fault: { code: 'METADATA_UNDERSIGNED' } });
    }
    expect(signers.pins).toEqual({ keys: [30, 31], threshold: 2 });
  });

  it('does not come back once it was lowered', () => {
    const lowered = unwrap(walkReleases(sampleTrust(), setWith(first, 2), nowMs).result);
    const trust = lowered?.next ?? sampleTrust();
    expect(walkReleases(trust, setWith(enforcing, 1), nowMs).result).toMatchObject({
      fault: { code: 'METADATA_ROLLED_BACK' },
    });
    const other = setWith(enforcing, 2);
    // The coordinator signs what it likes around older or other pins, and cannot make them newer.
    expect(walkReleases(trust, other, nowMs).result).toMatchObject({ fault: { code: 'METADATA_EQUIVOCATED' } });
  });

  it('is altered by no byte', () => {
    const { pins, catalogue, ...rest } = setWith(enforcing);
    const text = Buffer.from(pins).toString('utf8').replace('"alertsMin":2', '"alertsMin":1');
    const forged = Buffer.from(text, 'utf8');
    expect(forged.equals(Buffer.from(pins))).toBe(false);
    const set = { ...rest, ...pointAt({ catalogue, pins: forged }, {}), catalogue, pins: forged };
    expect(walkReleases(sampleTrust(), set, nowMs).result).toMatchObject({ fault: { code: 'METADATA_UNDERSIGNED' } });
  });

  it('ends, and from then on nothing is in force', () => {
    const { expiresAtMs } = enforcing;
    const json = responsePolicyJson(enforcing);
    expect(responsePolicyInForce(json, expiresAtMs - 1).ok).toBe(true);
    expect(responsePolicyInForce(json, expiresAtMs)).toMatchObject({ fault: { code: 'RESPONSE_POLICY_EXPIRED' } });
  });

  it('that cannot be read stops no model: pins are followed, and the policy is none', () => {
    const json = { ...responsePolicyJson(enforcing), unless: 'it is Friday' };
    const pins = signPins(samplePins({ response: json }), herd, [30, 31].map(keyPair));
    const catalogue = signCatalogue(sampleCatalogue(), herd, [keyPair(20)]);
    const set = { roots: [], ...pointAt({ catalogue, pins }, {}), catalogue, pins };
    const walked = unwrap(walkReleases(sampleTrust(), set, nowMs).result);
    expect(responsePolicyInForce(walked?.pins.response, nowMs)).toMatchObject({
      fault: { code: 'RESPONSE_POLICY_INVALID' },
    });
  });
});

describe('readResponsePolicy', () => {
  const with_ = (change: object) => readResponsePolicy({ ...responsePolicyJson(first), ...change });

  it('reads back what was written', () => {
    const rules = [{ cluster: parseClusterId('eu-1'), namespace: 'shop', level: 'ask' as const }];
    const policy = { ...first, rules: [...rules, { workload: 'web', level: 'enforce' as const }] };
    expect(readResponsePolicy(responsePolicyJson(policy))).toEqual({ ok: true, value: policy });
  });

  it('says what is wrong: levels, names, spans, shares, an hour above its day, no object at all', () => {
    const { budgets, evidence, breaker } = first;
    const wrong: readonly [object, string][] = [
      [{ level: 'delete' }, 'level'],
      [{ rules: [{ namespace: 'Shop', level: 'ask' }] }, 'namespace'],
      [{ rules: [{ namespace: 'shop', pod: 'x', level: 'ask' }] }, 'rules'],
      [{ budgets: { ...budgets, workload: { hour: 3, day: 2 } } }, 'an hour has no more than its day'],
      [{ evidence: { ...evidence, alertsMin: 0 } }, 'alertsMin'],
      [{ evidence: { ...evidence, falseActionsPerDay: 0 } }, 'falseActionsPerDay'],
      [{ breaker: { ...breaker, podShareMax: 1.1 } }, 'podShareMax'],
      [{ keepForMs: 1 }, 'keepForMs'],
      [{ rules: Array.from({ length: 501 }, () => ({ level: 'ask' })) }, 'rules'],
    ];
    for (const [change, at] of wrong) {
      expect(with_(change), JSON.stringify(change)).toMatchObject({
        fault: { code: 'RESPONSE_POLICY_INVALID', message: expect.stringContaining(at) },
      });
    }
    for (const value of [null, 'enforce', [], undefined]) expect(readResponsePolicy(value).ok).toBe(false);
    expect(with_({ budgets: { ...budgets, cluster: { hour: 0, day: 0 } } }).ok).toBe(true);
  });
});

describe('levelOf', () => {
  const [east, west] = [parseClusterId('east'), parseClusterId('west')];
  const policy: ResponsePolicy = {
    ...first,
    level: 'ask',
    rules: [
      { namespace: 'kube-system', level: 'observe' },
      { cluster: east, namespace: 'shop', workload: 'web', level: 'enforce' },
      { namespace: 'shop', level: 'observe' },
    ],
  };

  it('is the first rule that fits', () => {
    const level = (cluster: typeof east, namespace: string, workload: string) =>
      levelOf(policy, { cluster, namespace, workload });
    expect(level(east, 'shop', 'web')).toBe('enforce');
    expect(level(west, 'shop', 'web')).toBe('observe');
    expect(level(east, 'shop', 'db')).toBe('observe');
    expect(level(east, 'kube-system', 'web')).toBe('observe');
    expect(level(west, 'bank', 'web')).toBe('ask');
  });
});

it('a policy that nests without an end is refused like any other', () => {
  const deep: unknown = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
  const refusal = { ok: false, fault: { code: 'RESPONSE_POLICY_INVALID' } };
  expect(readResponsePolicy(deep)).toMatchObject(refusal);
  const policy = responsePolicyJson(firstResponsePolicy(0));
  expect(readResponsePolicy({ ...policy, level: deep })).toMatchObject(refusal);
});
