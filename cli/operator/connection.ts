import { createSecureContext } from 'node:tls';
import {
  type CallOptions,
  type ChannelCredentials,
  type ClientOptions,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { faultOfError } from '../../client/uplink/call.ts';
import { readCredentials } from '../../coordinator/identity/operator-credentials.ts';
import { EnrolmentClient, type RenewResponse } from '../../proto/generated/testudo/v1/enrolment.ts';
import { OperatorClient } from '../../proto/generated/testudo/v1/operator.ts';
import { coordinatorServerName, messageBytesMax } from '../../proto/wire-names.ts';
import { exitWith, orExit } from '../exit.ts';

const deadlineMs = 60_000;

const channelOptions: Partial<ClientOptions> = {
  // The certificate is checked against this name, whatever address it is reached by.
  'grpc.ssl_target_name_override': coordinatorServerName,
  'grpc.default_authority': coordinatorServerName,
  'grpc.max_receive_message_length': messageBytesMax,
  'grpc.max_send_message_length': messageBytesMax,
};

export type OperatorOptions = Readonly<{
  credentials: string;
  address?: string | undefined;
  json?: boolean | undefined;
}>;

type Unary<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

/** One operator's connection to its coordinator. A refusal ends the process with its code. */
export class OperatorConnection {
  readonly client: OperatorClient;

  constructor(client: OperatorClient) {
    this.client = client;
  }

  call<Request, Response>(method: Unary<Request, Response>, request: Request): Promise<Response> {
    return callOrExit((metadata, options, callback) => method.call(this.client, request, metadata, options, callback));
  }
}

/** Runs one command over one connection. */
export async function withConnection(
  options: OperatorOptions,
  run: (connection: OperatorConnection) => Promise<void>,
): Promise<void> {
  const { address, secure } = await reach(options);
  const client = new OperatorClient(address, secure, channelOptions);
  try {
    await run(new OperatorConnection(client));
  } finally {
    client.close();
  }
}

/** A new certificate for the operator whose credentials these are. */
export async function renewCertificate(options: OperatorOptions, certificateRequest: Buffer): Promise<RenewResponse> {
  const { address, secure } = await reach(options);
  const client = new EnrolmentClient(address, secure, channelOptions);
  try {
    return await callOrExit((...rest) => client.renew({ certificateRequest }, ...rest));
  } finally {
    client.close();
  }
}

async function reach({
  credentials: path,
  address,
}: OperatorOptions): Promise<Readonly<{ address: string; secure: ChannelCredentials }>> {
  const { authority: ca, certificateChain: cert, key, address: usual } = orExit(await readCredentials(path));
  const context = createSecureContext({ ca, cert, key, minVersion: 'TLSv1.3' });
  return { address: address ?? usual, secure: credentials.createFromSecureContext(context) };
}

function callOrExit<Response>(
  start: (
    metadata: Metadata,
    options: Partial<CallOptions>,
    callback: (error: ServiceError | null, response: Response) => void,
  ) => ClientUnaryCall,
): Promise<Response> {
  return new Promise((resolve) => {
    start(new Metadata(), { deadline: Date.now() + deadlineMs }, (error, response) => {
      if (error === null) resolve(response);
      else exitWith(faultOfError(error));
    });
  });
}
