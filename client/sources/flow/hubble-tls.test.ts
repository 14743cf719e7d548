import { systemTimers } from '../../../base/system-timers.ts';
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FlowItem } from '../../events/source-item.ts';
import type { SensorTls } from '../sensor-credentials.ts';
import { sourceConfig } from '../source-config.ts';
import { type GetFlowsRequest, type GetFlowsResponse, ObserverService } from '../wire/generated/hubble.ts';
import { hubbleStream } from './hubble-stream.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
type Pem = Readonly<{ certificate: string; key: string }>;

/** A certificate for a name, signed by an authority or, without one, by itself as an authority. */
async function issue(name: string, by?: Readonly<{ certificate: x509.X509Certificate; key: webcrypto.CryptoKey }>) {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: by?.certificate.subject ?? `CN=${name}`,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    publicKey: keys.publicKey,
    signingKey: by?.key ?? keys.privateKey,
    signingAlgorithm: algorithm,
    extensions:
      by === undefined
        ? [new x509.BasicConstraintsExtension(true, 1, true)]
        : [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const pem: Pem = {
    certificate: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
  };
  return { certificate, key: keys.privateKey, pem };
}

const relayName = 'ui.hubble-relay.cilium.io';
let folder: string;
let server: Server;
let port: number;

beforeAll(async () => {
  x509.cryptoProvider.set(webcrypto as never);
  folder = await mkdtemp(join(tmpdir(), 'testudo-hubble-tls-'));
  const [authority, stranger] = [await issue('Cilium CA'), await issue('Another CA')];
  const [relay, client] = [await issue(relayName, authority), await issue('testudo', authority)];
  await Promise.all([
    writeFile(join(folder, 'ca.crt'), authority.pem.certificate),
    writeFile(join(folder, 'stranger.crt'), stranger.pem.certificate),
    writeFile(join(folder, 'tls.crt'), client.pem.certificate),
    writeFile(join(folder, 'tls.key'), client.pem.key),
  ]);
  server = new Server();
  server.addService(ObserverService, {
    getFlows: (call: ServerWritableStream<GetFlowsRequest, GetFlowsResponse>) => {
      const value = { source: 3, numEventsLost: 5n };
      call.write({ responseTypes: { $case: 'lostEvents', value }, nodeName: 'n1', time: undefined });
    },
  });
  // As Relay does with `hubble.relay.tls.server.mtls`: whoever has no certificate of this authority is refused.
  const credentials = ServerCredentials.createSsl(
    Buffer.from(authority.pem.certificate),
    [{ cert_chain: Buffer.from(relay.pem.certificate), private_key: Buffer.from(relay.pem.key) }],
    true,
  );
  port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
});

afterAll(async () => {
  server.forceShutdown();
  await rm(folder, { recursive: true, force: true });
});

/** The first item that comes, or the first fault that is reported. */
async function first(tls: SensorTls | undefined): Promise<FlowItem | Readonly<{ fault: string; message: string }>> {
  const controller = new AbortController();
  let refused: Readonly<{ fault: string; message: string }> | undefined;
  const stream = hubbleStream(`127.0.0.1:${port}`, {
    tls,
    signal: controller.signal,
    reconnect: { firstMs: 1, maxMs: 5 },
    timers: systemTimers,
    unit: () => 0.5,
    onDisconnect: ({ code, message }) => {
      refused ??= { fault: code, message };
      controller.abort();
    },
  });
  for await (const { items } of stream) {
    controller.abort();
    return items[0] as FlowItem;
  }
  return refused as Readonly<{ fault: string; message: string }>;
}
const file = (name: string) => join(folder, name);
const own = { certFile: '', keyFile: '' };

describe('hubbleStream, TLS', () => {
  beforeAll(() => {
    own.certFile = file('tls.crt');
    own.keyFile = file('tls.key');
  });

  it("reads from Relay by the name on Relay's certificate, with a certificate of its own", async () => {
    expect(await first({ serverName: relayName, caFile: file('ca.crt'), ...own })).toEqual({ kind: 'lost', count: 5 });
  });

  it('refuses a server of another authority, of another name, and one that wants a certificate', async () => {
    const refused = { fault: 'GRPC_UNAVAILABLE' };
    expect(await first({ serverName: relayName, caFile: file('stranger.crt'), ...own })).toMatchObject(refused);
    expect(await first({ serverName: 'elsewhere.example', caFile: file('ca.crt'), ...own })).toMatchObject(refused);
    expect(await first({ caFile: file('ca.crt'), ...own })).toMatchObject(refused);
    expect(await first({ serverName: relayName, caFile: file('ca.crt') })).toMatchObject(refused);
    expect(await first(undefined)).toMatchObject(refused);
  });

  it('says which file it cannot use, and tries again', async () => {
    expect(await first({ caFile: file('missing.crt') })).toMatchObject({
      fault: 'TLS_FILE_UNREADABLE',
      message: expect.stringContaining('missing.crt: ENOENT'),
    });
    await writeFile(file('broken.crt'), 'no PEM');
    const broken = { caFile: file('ca.crt'), certFile: file('broken.crt'), keyFile: own.keyFile };
    expect(await first(broken)).toMatchObject({ fault: 'TLS_FILE_UNUSABLE' });
  });

  it('wants certificate and key together', () => {
    const config = (tls: object) => sourceConfig.safeParse({ kind: 'hubbleGrpc', address: 'relay:443', tls });
    expect(config({ serverName: relayName, caFile: '/ca.crt' }).success).toBe(true);
    expect(config({ certFile: '/tls.crt' }).error?.issues[0]?.message).toContain('certFile and keyFile together');
  });
});
