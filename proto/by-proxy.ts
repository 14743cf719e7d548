import type { ChannelOptions } from '@grpc/grpc-js';

/** What grpc-js reads, first come first served: of these the lower-case names alone. */
const variables = ['grpc_proxy', 'https_proxy', 'http_proxy'] as const;

/** Of channels that never leave a cluster or a machine: a proxy that leads out of it knows none of their ends. */
export const neverByProxy = { 'grpc.enable_http_proxy': 0 } as const satisfies ChannelOptions;

/** How a channel goes to a host (a name or an address, without brackets): by the proxy that the environment names, but for this machine itself. */
export function wayTo(host: string): ChannelOptions {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host) ? neverByProxy : {};
}

/**
 * What to add to why nobody was reached: grpc-js says of a proxy that refuses, or is not there, nothing but "undefined". Undefined
 * where no proxy had a part in it.
 */
export function proxyHelp(details: string, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  if (!/Last error: undefined/.test(details)) return undefined;
  const variable = variables.find((name) => (environment[name] ?? '') !== '');
  if (variable === undefined) return undefined;
  return (
    `the proxy that ${variable} names, ${withoutSecrets(environment[variable] as string)}, is not there or lets nobody through to there; ` +
    'list in no_proxy what is reached without it'
  );
}

/** A proxy's address may hold a name and a password. */
function withoutSecrets(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'which is no URL';
}
