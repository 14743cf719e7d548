import { createSecureContext } from 'node:tls';
import { type CallOptions, type ClientUnaryCall, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { unwrap } from '../../base/fault.ts';
import type { OperatorCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { neverByProxy } from '../../proto/by-proxy.ts';
import { deadlineIn, unary } from '../../proto/call.ts';
import { OperatorClient } from '../../proto/generated/testudo/v1/operator.ts';
import { coordinatorServerName, messageBytesMax } from '../../proto/wire-names.ts';

type Unary<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

const callMsMax = 60_000;

/** The lab's own operator at a coordinator. What is refused is thrown: in the lab nothing should be. */
export type Operator = Readonly<{
  client: OperatorClient;
  call<Request, Response>(method: Unary<Request, Response>, request: Request): Promise<Response>;
  close(): void;
}>;

export function connectOperator({ authority, certificateChain, key }: OperatorCredentials, address: string): Operator {
  const context = createSecureContext({ ca: authority, cert: certificateChain, key, minVersion: 'TLSv1.3' });
  const client = new OperatorClient(address, credentials.createFromSecureContext(context), {
    // The certificate is checked against this name, whatever address it is reached by.
    'grpc.ssl_target_name_override': coordinatorServerName,
    'grpc.default_authority': coordinatorServerName,
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.max_send_message_length': messageBytesMax,
    'grpc.use_local_subchannel_pool': 1,
    ...neverByProxy, // What the lab starts is on this machine.
  });
  return {
    client,
    async call(method, request) {
      const options = { deadline: deadlineIn(callMsMax) };
      return unwrap(await unary((answer) => method.call(client, request, new Metadata(), options, answer)));
    },
    close: () => client.close(),
  };
}
