import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  loadPackageDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { parseClusterId } from '../../proto/ids.ts';
import { coordinatorServerName, faultCodeKey } from '../../proto/wire-names.ts';
import { calls as rules } from '../access/calls.ts';
import { settle, type TestCluster } from '../testing/cluster.ts';
import { operator, TestFederation } from '../testing/federation.ts';

/** The standard services as an operator's tool knows them: by their own .proto files and nothing of ours. */
const load = createRequire(import.meta.url);
const packageOf = (name: string) => dirname(load.resolve(`${name}/package.json`));

// biome-ignore lint/suspicious/noExplicitAny: a client made from a .proto file at run time has no static type.
function clientOf(file: string, path: readonly string[], member: TestCluster, address: string): any {
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  let node: any = loadPackageDefinition(loadSync(file, { keepCase: true, enums: String, oneofs: true }));
  for (const name of path) node = node[name];
  const client = new node(address, member.credentials, { 'grpc.ssl_target_name_override': coordinatorServerName });
  onTestFinished(() => client.close());
  return client;
}

const healthFile = join(packageOf('grpc-health-check'), 'proto', 'health', 'v1', 'health.proto');
const reflectionFile = (version: string) =>
  join(packageOf('@grpc/reflection'), 'build', 'proto', 'grpc', 'reflection', version, 'reflection.proto');

/** A stream of these services as a member of the federation opens it: its messages, and the code that it ends with. */
function opened(
  // biome-ignore lint/suspicious/noExplicitAny: a client made from a .proto file at run time has no static type.
  stream: any,
): Readonly<{ first: Promise<unknown>; code: Promise<string>; write(message: object): void }> {
  const first = Promise.withResolvers<unknown>();
  const code = Promise.withResolvers<string>();
  stream.on('data', first.resolve);
  stream.on('error', (error: ServiceError) => {
    const [named] = error.metadata.get(faultCodeKey);
    code.resolve(named === undefined ? `GRPC_${error.code}` : `${named}`);
  });
  stream.on('end', () => code.resolve('OK'));
  void code.promise.then(first.resolve);
  return { first: first.promise, code: code.promise, write: (message) => void stream.write(message) };
}

/** Every way into the standard services, as this member takes it. */
function standardCalls(federation: TestFederation, member: TestCluster) {
  const { federation: address } = federation.coordinator.addresses;
  const health = clientOf(healthFile, ['grpc', 'health', 'v1', 'Health'], member, address);
  const unary = async (method: string, request: object) => {
    const answer = await settle((done) => health[method](request, done));
    return answer.ok ? 'OK' : answer.fault.code;
  };
  const reflect = (version: string) => {
    const path = ['grpc', 'reflection', version, 'ServerReflection'];
    const stream = opened(clientOf(reflectionFile(version), path, member, address).ServerReflectionInfo());
    stream.write({ list_services: '' });
    return stream;
  };
  return {
    check: () => unary('Check', { service: '' }),
    list: () => unary('List', {}),
    watch: () => opened(health.Watch({ service: '' })),
    reflect: () => reflect('v1'),
    reflectAlpha: () => reflect('v1alpha'),
  };
}

it('a cluster that is revoked or in quarantine gets nothing of them, and what it had open is cut', async () => {
  const federation = await TestFederation.start();
  const { membership } = federation.coordinator;
  const quarantine = (cluster: string) =>
    membership.setQuarantine(operator, { cluster: parseClusterId(cluster), quarantined: true, reason: 'test' });
  const revoke = (cluster: string) => membership.revokeCluster(operator, parseClusterId(cluster), 'test');
  for (const [name, bar, code] of [
    ['a', quarantine, 'CLUSTER_QUARANTINED'],
    ['b', revoke, 'CLUSTER_REVOKED'],
  ] as const) {
    const calls = standardCalls(federation, await federation.enrol(name));
    expect([await calls.check(), await calls.list()]).toEqual(['OK', 'OK']);
    const watching = calls.watch();
    expect(await watching.first).toEqual({ status: 'SERVING' });
    unwrap(await bar(name));
    expect(await watching.code).toBe(code);
    expect([await calls.check(), await calls.list()]).toEqual([code, code]);
    for (const open of [calls.watch, calls.reflect, calls.reflectAlpha]) expect(await open().code).toBe(code);
  }
  const audited = await federation.refusals();
  expect(audited).toContain('CLUSTER_QUARANTINED');
  expect(audited).toContain('CLUSTER_REVOKED');
});

it('a peer has few of their streams open, of all kinds together, and others have their own', async () => {
  const federation = await TestFederation.start();
  const calls = standardCalls(federation, await federation.enrol('a'));
  const open = [calls.watch(), calls.reflect(), calls.reflectAlpha(), calls.watch()];
  await Promise.all(open.map(({ first }) => first));
  for (const kind of [calls.watch, calls.reflect]) expect(await kind().code).toBe('WATCHES_BUSY');
  const other = standardCalls(federation, await federation.enrol('b'));
  expect(await other.watch().first).toEqual({ status: 'SERVING' });
});

it('their streams are told that the coordinator stops, so that none holds it up', async () => {
  const federation = await TestFederation.start({ settings: ['drainSeconds=3600'] });
  const calls = standardCalls(federation, await federation.enrol('a'));
  const open = [calls.watch(), calls.reflect(), calls.reflectAlpha()];
  await Promise.all(open.map(({ first }) => first));
  await federation.coordinator.close(); // An hour, were one of them waited for.
  expect(await Promise.all(open.map(({ code }) => code))).toEqual(['DRAINING', 'DRAINING', 'DRAINING']);
});

it('the health service says SERVING, and NOT_SERVING to those who watch when the coordinator stops', async () => {
  const federation = await TestFederation.start();
  const member = await federation.enrol('a');
  const { federation: address } = federation.coordinator.addresses;
  const health = clientOf(healthFile, ['grpc', 'health', 'v1', 'Health'], member, address);
  expect(await settle((done) => health.Check({ service: '' }, done))).toEqual({
    ok: true,
    value: { status: 'SERVING' },
  });
  expect(await settle((done) => health.Check({ service: 'no.such.Service' }, done))).toMatchObject({
    ok: false,
    fault: { code: 'GRPC_5' },
  });
  const stream: ClientReadableStream<{ status: string }> = health.Watch({ service: '' });
  stream.on('error', () => {}); // It is cut when the coordinator is gone.
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  stream.on('data', ({ status }: { status: string }) => {
    seen.push(status);
    first.resolve();
  });
  await first.promise;
  await federation.coordinator.close();
  expect(seen).toEqual(['SERVING', 'NOT_SERVING']);
});

it('reflection lists what is served, and describes it', async () => {
  const federation = await TestFederation.start();
  const member = await federation.enrol('a');
  const { federation: address } = federation.coordinator.addresses;
  const reflection = clientOf(reflectionFile('v1'), ['grpc', 'reflection', 'v1', 'ServerReflection'], member, address);
  const stream: ClientDuplexStream<object, Record<string, never>> = reflection.ServerReflectionInfo();
  const ask = (request: object) =>
    new Promise<Record<string, never>>((resolve, reject) => {
      stream.once('data', resolve);
      stream.once('error', reject);
      stream.write(request);
    });
  const listed = await ask({ list_services: '' });
  const services: { name: string }[] = (listed as never as { list_services_response: { service: { name: string }[] } })
    .list_services_response.service;
  const ours = Object.keys(rules).filter((service) => service !== 'health' && service !== 'serverReflection');
  const names = ours.map((service) => `testudo.v1.${service[0]?.toUpperCase()}${service.slice(1)}`);
  expect(services.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  expect(names).toContain('testudo.v1.Responses');
  const described = await ask({ file_containing_symbol: 'testudo.v1.Federation' });
  const files = (described as never as { file_descriptor_response: { file_descriptor_proto: Buffer[] } })
    .file_descriptor_response.file_descriptor_proto;
  expect(Buffer.concat(files).includes('SubmitUpdate')).toBe(true);
  stream.end();
});
