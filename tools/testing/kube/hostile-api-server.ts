import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  certificateAlgorithm,
  exportPrivateKey,
  importPrivateKey,
  makeCertificateKeyPair,
  x509,
} from '../../../base/certificates/x509.ts';
import { kubeConfig } from '../../../client/kube/kube-config.ts';
import { makeAuthority } from '../../../coordinator/keys/authority.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import type { FederationId } from '../../../proto/ids.ts';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Something that speaks TLS where an API server should be and answers as a test says: for what a real one cannot be made
 * to do. Every request is counted, with its token.
 */
export async function startHostileServer(answer: Answer) {
  const folder = tempDir();
  const { root } = await makeAuthority('test' as FederationId, Date.now());
  const keys = await makeCertificateKeyPair();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '0102',
    subject: 'CN=api',
    issuer: new x509.X509Certificate(root.certificate).subject,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    publicKey: keys.publicKey as never,
    signingKey: (await importPrivateKey(root.key)) as never,
    signingAlgorithm: certificateAlgorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const requests: { path: URL; token: string }[] = [];
  const sockets = new Set<unknown>();
  let current = answer;
  const server = createServer(
    { cert: certificate.toString('pem'), key: await exportPrivateKey(keys.privateKey) },
    (request, response) => {
      const path = new URL(request.url ?? '/', 'https://api');
      requests.push({ path, token: (request.headers.authorization ?? '').replace('Bearer ', '') });
      sockets.add(request.socket);
      current(request, response);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const tokenFile = join(folder, 'token');
  const authorityFile = join(folder, 'ca.crt');
  writeFileSync(tokenFile, 'first\n');
  writeFileSync(authorityFile, root.certificate);
  const apiServer = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    config: kubeConfig.parse({ apiServer, tokenFile, authorityFile }),
    tokenFile,
    requests,
    /** Connections that were used. */
    connections: () => sockets.size,
    answer(next: Answer) {
      current = next;
    },
    cut: () => server.closeAllConnections(),
  };
}

export type TestPod = Readonly<{
  name: string;
  uid?: string;
  id?: string;
  labels?: Record<string, string>;
  version?: string;
}>;

/** A Pod as the API server writes it. */
export function podObject({ name, uid = `uid-${name}`, id = '', labels = {}, version = '1' }: TestPod) {
  return {
    kind: 'Pod',
    metadata: {
      ...{ name, uid, namespace: 'shop', labels, resourceVersion: version },
      ownerReferences: [{ kind: 'StatefulSet', name: 'db', controller: true }],
    },
    spec: { nodeName: 'node-1' },
    status: {
      containerStatuses: [{ name: 'c', containerID: id === '' ? '' : `containerd://${id}`, image: 'postgres:17' }],
    },
  };
}

export function podList(pods: readonly TestPod[], resourceVersion: string, next = '') {
  return JSON.stringify({ kind: 'PodList', metadata: { resourceVersion, continue: next }, items: pods.map(podObject) });
}

export function event(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** A container id: 64 hexadecimal digits. */
export const containerId = (number: number) => number.toString(16).padStart(12, '0').padEnd(64, 'a');

export const isWatch = (url = '') => url.includes('watch=true');

/** Lists what it is given once, then keeps the watch open. */
export const listing =
  (text: string): Answer =>
  (request, response) => {
    if (!isWatch(request.url)) return void response.end(text);
    response.writeHead(200).flushHeaders();
  };
