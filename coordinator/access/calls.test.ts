import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { service as healthDefinition } from 'grpc-health-check';
import { describe, expect, it } from 'vitest';
import { DoorsService } from '../../proto/generated/testudo/v1/doors.ts';
import { EnrolmentService } from '../../proto/generated/testudo/v1/enrolment.ts';
import { FederationService } from '../../proto/generated/testudo/v1/federation.ts';
import { OperatorService } from '../../proto/generated/testudo/v1/operator.ts';
import { ReleasesService } from '../../proto/generated/testudo/v1/releases.ts';
import { ResponsesService } from '../../proto/generated/testudo/v1/responses.ts';
import { statusOf } from '../grpc/status.ts';
import { type CallRule, calls, ruleOf } from './calls.ts';
import { alarming } from './refusals.ts';

const reflectionProto = 'build/proto/grpc/reflection/v1/reflection.proto';
/** By the names of our table: grpc.health.v1 and grpc.reflection.v1 are as their packages bring them. */
const renamed = (definition: ServiceDefinition): ServiceDefinition =>
  Object.fromEntries(Object.values(definition).map((method) => [method.originalName as string, method]));
const reflection = loadSync(
  join(dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json')), reflectionProto),
)['grpc.reflection.v1.ServerReflection'] as ServiceDefinition;

const contract: Readonly<Record<keyof typeof calls, ServiceDefinition>> = {
  enrolment: EnrolmentService,
  federation: FederationService,
  releases: ReleasesService,
  responses: ResponsesService,
  doors: DoorsService,
  operator: OperatorService,
  health: renamed(healthDefinition),
  serverReflection: renamed(reflection),
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
      'doors.attend',
      'operator.follow',
      'health.watch',
      'serverReflection.serverReflectionInfo',
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

  it('limits every call by its caller or by its address, or says why not', () => {
    for (const { service, method, rule } of rows) {
      const { metered, limited, access } = rule;
      const name = `${service}.${method}`;
      if ('burst' in metered) {
        expect(Math.min(metered.burst, metered.perMinute), name).toBeGreaterThanOrEqual(1);
        expect(limited, name).toBe(false);
      } else {
        expect(metered.because.length, name).toBeGreaterThan(20);
        expect(limited, name).toBe(access === 'stranger');
      }
    }
    const free = rows.filter(({ rule }) => 'because' in rule.metered && !rule.limited && rule.audit !== 'operation');
    expect(free.map(({ method }) => method)).toEqual(['uploadStatus']);
  });

  it('is found by the path of each method, and by no other', () => {
    for (const { service, method, rule } of rows) {
      const definition = contract[service as keyof typeof calls];
      expect(ruleOf((definition[method] as { path: string }).path), method).toBe(rule);
    }
    for (const path of ['', '/', '/testudo.v1.Operator/', '/testudo.v1.Operator/constructor', '/a.__proto__/b', 'x']) {
      expect(ruleOf(path), path).toBeUndefined();
    }
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
