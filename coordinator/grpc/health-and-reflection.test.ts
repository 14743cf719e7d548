import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type ClientDuplexStream, type ClientReadableStream, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, it, onTestFinished } from 'vitest';
import { coordinatorServerName } from '../../proto/wire-names.ts';
import { settle, type TestCluster } from '../testing/cluster.ts';
import { TestFederation } from '../testing/federation.ts';

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

it('the health service says SERVING, and NOT_SERVING to those who watch when the coordinator stops', async () => {
  const federation = await TestFederation.start();
  const member = await federation.enrol('a');
  const file = join(packageOf('grpc-health-check'), 'proto', 'health', 'v1', 'health.proto');
  const { federation: address } = federation.coordinator.addresses;
  const health = clientOf(file, ['grpc', 'health', 'v1', 'Health'], member, address);
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
  const file = join(packageOf('@grpc/reflection'), 'build', 'proto', 'grpc', 'reflection', 'v1', 'reflection.proto');
  const { federation: address } = federation.coordinator.addresses;
  const reflection = clientOf(file, ['grpc', 'reflection', 'v1', 'ServerReflection'], member, address);
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
  expect(services.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['testudo.v1.Enrolment', 'testudo.v1.Federation', 'testudo.v1.Operator']),
  );
  const described = await ask({ file_containing_symbol: 'testudo.v1.Federation' });
  const files = (described as never as { file_descriptor_response: { file_descriptor_proto: Buffer[] } })
    .file_descriptor_response.file_descriptor_proto;
  expect(Buffer.concat(files).includes('SubmitUpdate')).toBe(true);
  stream.end();
});
