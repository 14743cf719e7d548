import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { KubeConfig } from './kube-config.ts';

/** How to make one request now. */
export type Access = Readonly<{ host: string; port: number; token: string; agent: Agent }>;

/** One connection for the watch and one for lists are enough for who watches one collection; they are kept. */
const defaultSocketsMax = 4;

/**
 * The API server and this client's credentials for it. Both files are read anew for each request, since the cluster renews
 * them; connections are kept as long as the authority stays the same.
 */
export class KubeEndpoint {
  readonly #config: Pick<KubeConfig, 'apiServer' | 'tokenFile' | 'authorityFile'>;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #socketsMax: number;
  #agent: Readonly<{ authority: string; agent: Agent }> | undefined;

  constructor(
    config: Pick<KubeConfig, 'apiServer' | 'tokenFile' | 'authorityFile'>,
    environment = process.env,
    socketsMax = defaultSocketsMax,
  ) {
    this.#config = config;
    this.#environment = environment;
    this.#socketsMax = socketsMax;
  }

  async access(): Promise<Result<Access, 'KUBE_CREDENTIALS_UNREADABLE' | 'KUBE_ADDRESS_UNKNOWN'>> {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = this.#environment;
    const server = this.#config.apiServer ?? (host === undefined ? undefined : `${bracketed(host)}:${port}`);
    if (server === undefined || !URL.canParse(`https://${server}`)) {
      return refuse('KUBE_ADDRESS_UNKNOWN', 'no API server: set kubernetes.apiServer, or run in a pod');
    }
    const { hostname, port: number } = new URL(`https://${server}`);
    const { tokenFile, authorityFile } = this.#config;
    try {
      const [text, authority] = await Promise.all([readFile(tokenFile, 'utf8'), readFile(authorityFile, 'utf8')]);
      const token = text.trim();
      // Whatever else stands there is no header: to send it would throw.
      if (!/^[\x21-\x7e]+$/.test(token)) {
        return refuse('KUBE_CREDENTIALS_UNREADABLE', `${tokenFile} holds no token: it is empty, or no line of ASCII`);
      }
      const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(number || '443') };
      return ok({ ...address, token, agent: this.#agentFor(authority) });
    } catch (error) {
      const { code, path } = error as NodeJS.ErrnoException;
      return refuse('KUBE_CREDENTIALS_UNREADABLE', `${path} cannot be read (${code})`);
    }
  }

  close(): void {
    this.#agent?.agent.destroy();
    this.#agent = undefined;
  }

  #agentFor(authority: string): Agent {
    if (this.#agent?.authority === authority) return this.#agent.agent;
    this.close();
    const agent = new Agent({ keepAlive: true, maxSockets: this.#socketsMax, minVersion: 'TLSv1.2', ca: authority });
    this.#agent = { authority, agent };
    return agent;
  }
}

const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host);
