import { createSecureContext } from 'node:tls';
import { type CallOptions, type ClientUnaryCall, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { faultOfError } from '../../client/uplink/call.ts';
import { readCredentials } from '../../coordinator/identity/operator-credentials.ts';
import { OperatorClient } from '../../proto/generated/testudo/v1/operator.ts';
import { coordinatorServerName, messageBytesMax } from '../../proto/wire-names.ts';
import { exitWith, orExit } from '../exit.ts';

const deadlineMs = 60_000;

type Unary<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

/** One operator's connection to its coordinator. A refusal ends the process with its code. */
export class OperatorConnection {
  readonly client: OperatorClient;

  private constructor(client: OperatorClient) {
    this.client = client;
  }

  static async open({ credentials: path, address }: OperatorOptions): Promise<OperatorConnection> {
    const read = orExit(await readCredentials(path));
    const context = createSecureContext({
      ca: read.authority,
      cert: read.certificateChain,
      key: read.key,
      minVersion: 'TLSv1.3',
    });
    return new OperatorConnection(
      new OperatorClient(address ?? read.address, credentials.createFromSecureContext(context), {
        'grpc.ssl_target_name_override': coordinatorServerName,
        'grpc.default_authority': coordinatorServerName,
        'grpc.max_receive_message_length': messageBytesMax,
        'grpc.max_send_message_length': messageBytesMax,
      }),
    );
  }

  call<Request, Response>(method: Unary<Request, Response>, request: Request): Promise<Response> {
    return new Promise((resolve) => {
      const options = { deadline: Date.now() + deadlineMs };
      method.call(this.client, request, new Metadata(), options, (error, response) => {
        if (error === null) resolve(response);
        else exitWith(faultOfError(error));
      });
    });
  }

  close(): void {
    this.client.close();
  }
}

export type OperatorOptions = Readonly<{
  credentials: string;
  address?: string | undefined;
  json?: boolean | undefined;
}>;

/** Runs one command over one connection. */
export async function withConnection(
  options: OperatorOptions,
  run: (connection: OperatorConnection) => Promise<void>,
): Promise<void> {
  const connection = await OperatorConnection.open(options);
  try {
    await run(connection);
  } finally {
    connection.close();
  }
}
