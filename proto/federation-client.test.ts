import { once } from 'node:events';
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { expect, it, onTestFinished } from 'vitest';
import { chunkMessage, LeanFederationClient } from './federation-client.ts';
import { FederationService, SubmitUpdateRequest, UpdateHeader } from './generated/testudo/v1/federation.ts';
import { chunkBytes } from './wire-names.ts';

it('a chunk is the same message as the generated encoder makes of it', () => {
  for (const length of [0, 1, 127, 128, 16_383, 16_384, chunkBytes, 1 << 21]) {
    const value = Buffer.alloc(length, 7);
    const generated = SubmitUpdateRequest.encode({ part: { $case: 'chunk', value } }).finish();
    expect(chunkMessage(value).equals(generated), `${length} bytes`).toBe(true);
  }
});

it('an update arrives as it was sent: its header, its chunks and what is neither', async () => {
  const heard: SubmitUpdateRequest[] = [];
  const server = new Server();
  server.addService(
    { submitUpdate: FederationService.submitUpdate },
    {
      submitUpdate: (call: AsyncIterable<SubmitUpdateRequest>, answer: (error: null, response: object) => void) => {
        void (async () => {
          for await (const message of call) heard.push(message);
          answer(null, { receipt: undefined });
        })();
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, at) =>
      error === null ? resolve(at) : reject(error),
    ),
  );
  onTestFinished(() => server.forceShutdown());
  const client = new LeanFederationClient(`127.0.0.1:${port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const header = { ...UpdateHeader.decode(new Uint8Array(0)), cluster: 'a', payloadBytes: 3n };
  const sent: SubmitUpdateRequest[] = [
    { part: { $case: 'header', value: header } },
    { part: { $case: 'chunk', value: Buffer.from([1, 2, 3]) } },
    { part: { $case: 'chunk', value: Buffer.alloc(chunkBytes, 9) } },
    { part: undefined },
  ];
  const answered = new Promise<unknown>((resolve, reject) => {
    const call = client.submitUpdate((error, response) => (error === null ? resolve(response) : reject(error)));
    void (async () => {
      for (const message of sent) if (!call.write(message)) await once(call, 'drain');
      call.end();
    })();
  });
  expect(await answered).toEqual({ receipt: undefined });
  expect(heard).toEqual(sent);
});
