import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { faultOfError } from './call.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** What a call comes to where a server that knows no gRPC answers with this status. */
async function askedOf(statusCode: number): Promise<ServiceError> {
  const server = createServer((_, response) => {
    response.writeHead(statusCode, { 'content-type': 'text/html' });
    response.end('<html></html>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new Client(`127.0.0.1:${(server.address() as AddressInfo).port}`, credentials.createInsecure());
  closers.push(
    () => client.close(),
    () => server.close(),
  );
  const bytes = (value: Buffer) => value;
  return await new Promise((resolve) => {
    client.makeUnaryRequest('/testudo.v1.Releases/Subscribe', bytes, bytes, Buffer.alloc(0), (error) => {
      resolve(error as ServiceError);
    });
  });
}

describe('faultOfError', () => {
  it.each([401, 403, 404, 503])(
    'takes an answer of HTTP %i for nobody of ours, not for a word about what is served',
    async (code) => {
      expect(faultOfError(await askedOf(code))).toMatchObject({
        code: 'GRPC_UNAVAILABLE',
        message: expect.stringContaining(`HTTP ${code} and no gRPC`),
      });
    },
  );
});
