import type { ServerResponse } from 'node:http';
import type { Fault } from '../../base/fault.ts';
import type { Asset } from './assets.ts';
import { statusOfFault } from './faults.ts';
import type { Site } from './requests.ts';

/** A file that the browser keeps rather than shows. */
export type Download = Readonly<{ fileName: string; type: string; text: string }>;

/**
 * Nothing from elsewhere, nothing inline, no frame around it, no text that becomes a script: what a cluster or a person
 * wrote can at most be read.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const guarding = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};

/** Headers of every answer. */
export function guard(response: ServerResponse, { secure }: Site): void {
  for (const [name, value] of Object.entries(guarding)) response.setHeader(name, value);
  if (secure) response.setHeader('strict-transport-security', 'max-age=31536000');
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}

/** What a page shows of a refusal. */
export function sendFault(response: ServerResponse, fault: Fault): void {
  sendJson(response, { code: fault.code, message: fault.message }, statusOfFault(fault));
}

export function sendDownload(response: ServerResponse, { fileName, type, text }: Download): void {
  const name = fileName.replaceAll(/[^\w.-]/g, '_');
  response.writeHead(200, {
    'content-type': type,
    'cache-control': 'no-store',
    'content-disposition': `attachment; filename="${name}"`,
  });
  response.end(text);
}

export function sendAsset(response: ServerResponse, asset: Asset, known: string | undefined): void {
  const { type, body, etag, immutable } = asset;
  const cache = immutable ? 'public, max-age=31536000, immutable' : 'no-cache';
  const headers = { 'content-type': type, 'cache-control': cache, etag };
  if (known === etag) response.writeHead(304, headers).end();
  else response.writeHead(200, { ...headers, 'content-length': body.byteLength }).end(body);
}
