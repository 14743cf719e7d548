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
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { faultOfError } from '../../proto/call.ts';
import { EnrolmentClient, type RenewResponse } from '../../proto/generated/testudo/v1/enrolment.ts';
import { OperatorClient } from '../../proto/generated/testudo/v1/operator.ts';
import { coordinatorServerName, messageBytesMax } from '../../proto/wire-names.ts';
import { exitWith, orExit } from '../exit.ts';

const deadlineMsDefault = 60_000;

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

/** One operator's connection to its coordinator. A refused call ends the process with its code. */
export class OperatorConnection {
  readonly client: OperatorClient;

  constructor(client: OperatorClient) {
    this.client = client;
  }

  call<Request, Response>(
    method: Unary<Request, Response>,
    request: Request,
    deadlineMs = deadlineMsDefault,
  ): Promise<Response> {
    return answerOf((metadata, _, callback) =>
      method.call(this.client, request, metadata, { deadline: Date.now() + deadlineMs }, callback),
    );
  }

  close(): void {
    this.client.close();
  }
}

/** Runs one command over one connection. A refusal ends the process with its code. */
export async function withConnection(
  options: OperatorOptions,
  run: (connection: OperatorConnection) => Promise<void>,
): Promise<void> {
  const { address, secure } = await reach(options);
  const connection = new OperatorConnection(new OperatorClient(address, secure, channelOptions));
  try {
    await run(connection);
  } finally {
    connection.close();
  }
}

/** A new certificate for the operator whose credentials these are. */
export async function renewCertificate(options: OperatorOptions, certificateRequest: Buffer): Promise<RenewResponse> {
  const { address, secure } = await reach(options);
  const client = new EnrolmentClient(address, secure, channelOptions);
  try {
    return await answerOf((...rest) => client.renew({ certificateRequest }, ...rest));
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

function answerOf<Response>(
  start: (
    metadata: Metadata,
    options: Partial<CallOptions>,
    callback: (error: ServiceError | null, response: Response) => void,
  ) => ClientUnaryCall,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    start(new Metadata(), { deadline: Date.now() + deadlineMsDefault }, (error, response) => {
      if (error === null) return resolve(response);
      try {
        exitWith(faultOfError(error));
      } catch (refusal) {
        reject(refusal);
      }
    });
  });
}
