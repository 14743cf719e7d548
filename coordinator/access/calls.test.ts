import type { ServiceDefinition } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { EnrolmentService } from '../../proto/generated/testudo/v1/enrolment.ts';
import { FederationService } from '../../proto/generated/testudo/v1/federation.ts';
import { OperatorService } from '../../proto/generated/testudo/v1/operator.ts';
import { ReleasesService } from '../../proto/generated/testudo/v1/releases.ts';
import { statusOf } from '../grpc/status.ts';
import { type CallRule, calls } from './calls.ts';
import { alarming } from './refusals.ts';

const contract: Readonly<Record<keyof typeof calls, ServiceDefinition>> = {
  enrolment: EnrolmentService,
  federation: FederationService,
  releases: ReleasesService,
  operator: OperatorService,
};
const rows = Object.entries(calls).flatMap(([service, methods]) =>
  Object.entries(methods as Readonly<Record<string, CallRule>>).map(([method, rule]) => ({ service, method, rule })),
);

describe('the table of calls', () => {
  it('has a rule for every method of the contract, and for nothing else', () => {
    for (const [service, definition] of Object.entries(contract)) {
      const ruled = Object.keys(calls[service as keyof typeof calls]);
      expect(ruled.sort()).toEqual(Object.keys(definition).sort());
    }
  });

  it('leaves exactly the streams that stay open without an end', () => {
    const standing = rows.filter(({ rule }) => rule.durationMsMax === Number.POSITIVE_INFINITY);
    expect(standing.map(({ service, method }) => `${service}.${method}`)).toEqual([
      'federation.watch',
      'releases.subscribe',
      'operator.follow',
    ]);
  });

  it('lets strangers enrol, and members that lost their certificate come back, and no more; and limits them', () => {
    const open = rows.filter(({ rule }) => rule.access === 'stranger');
    expect(open.map(({ method, rule }) => [method, rule.limited])).toEqual([
      ['enrol', true],
      ['challenge', true],
      ['rejoin', true],
    ]);
  });

  it('lets viewers read: whatever they may call lists, gets, plans or follows', () => {
    const viewers = rows.filter(({ rule }) => rule.access === 'viewer').map(({ method }) => method);
    expect(viewers.filter((method) => !/^(?:list|get|plan|follow)/.test(method))).toEqual([]);
    expect(viewers.length).toBeGreaterThan(10);
  });

  it('raises an alarm for codes that are served, and for no word of its own', () => {
    expect([...alarming].filter((code) => !(code in statusOf))).toEqual([]);
    expect(alarming.size).toBe(7);
  });
});
