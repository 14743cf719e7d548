/** Child of round.bench.ts: grpc-js as it comes, with the certificates of an authority made for the occasion. */
import { randomBytes } from 'node:crypto';
import { Server, type ServerReadableStream, type sendUnaryData } from '@grpc/grpc-js';
import { publicKeyOfRequest } from '../../base/certificates/certificate-request.ts';
import { unwrap } from '../../base/fault.ts';
import { membersCaps } from '../../coordinator/grpc/listener.ts';
import { TlsCredentials } from '../../coordinator/grpc/tls.ts';
import { Authority, makeAuthority, pemOfChain } from '../../coordinator/keys/authority.ts';
import { newOperatorKey } from '../../coordinator/keys/operator-credentials.ts';
import {
  FederationService,
  type SubmitUpdateRequest,
  type SubmitUpdateResponse,
} from '../../proto/generated/testudo/v1/federation.ts';
import { parseClusterId, parseFederationId } from '../../proto/ids.ts';

process.stdin.on('end', () => process.exit()).resume(); // Ends with the process that started it.
const federation = parseFederationId('bare');
const made = await makeAuthority(federation, Date.now());
const authority = await Authority.load(federation, made.root.certificate, made.issuer);
const plan = () => authority.plan(Date.now(), 3_600_000, randomBytes(9));
const { chain, key } = await authority.issueServer(['127.0.0.1'], plan());

const server = new Server({ 'grpc.max_receive_message_length': -1 });
server.addService(FederationService, {
  submitUpdate(
    call: ServerReadableStream<SubmitUpdateRequest, SubmitUpdateResponse>,
    callback: sendUnaryData<SubmitUpdateResponse>,
  ) {
    call.on('data', () => {});
    call.on('end', () => callback(null, { receipt: undefined }));
  },
});
const credentials = new TlsCredentials({ chain: pemOfChain(chain), key }, authority.rootCertificate, membersCaps);
server.bindAsync('127.0.0.1:0', credentials, async (error, port) => {
  if (error !== null) throw error;
  const client = await newOperatorKey();
  const publicKey = unwrap(await publicKeyOfRequest(client.request));
  const identity = { kind: 'cluster', federation, cluster: parseClusterId('a') } as const;
  const cert = pemOfChain(await authority.issue(identity, publicKey, plan()));
  console.log(JSON.stringify({ port, ca: authority.rootCertificate, cert, key: client.key }));
});
