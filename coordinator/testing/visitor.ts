import type { IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { request as httpRequest } from '../../base/serving/node-http.ts';
import { OperatorClient } from '../../proto/generated/testudo/v1/operator.ts';
import type { GetDashboardLinkResponse } from '../../proto/generated/testudo/v1/operator_status.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';
import { pemOfChain } from '../keys/authority.ts';
import { newOperatorKey } from '../keys/operator-credentials.ts';
import type { OperatorRole } from '../ledger/journal/events.ts';
import type { SessionShape } from '../web/shapes.ts';
import { secure, settle } from './cluster.ts';
import { operator, type TestFederation } from './federation.ts';

type Answer = Readonly<{ status: number; headers: IncomingMessage['headers']; body: unknown; text: string }>;
type Asked = Readonly<{ method?: string; headers?: Readonly<Record<string, string>>; body?: unknown }>;

/** A person with an operator's certificate and, in the place of a browser, a hand that can write any request. */
export class Visitor {
  readonly address: string;
  readonly #client: OperatorClient;
  session: SessionShape | undefined;
  cookie = '';
  #cookieHeader = '';

  private constructor(address: string, client: OperatorClient) {
    this.address = address;
    this.#client = client;
  }

  static async hire({ coordinator, authority }: TestFederation, name: string, role: OperatorRole): Promise<Visitor> {
    const { key, request } = await newOperatorKey();
    const { chain } = unwrap(await coordinator.membership.addOperator(operator, { name, role, request }));
    const credentials = secure({ ca: authority, cert: pemOfChain(chain), key });
    const client = new OperatorClient(coordinator.addresses.federation, credentials, {
      'grpc.ssl_target_name_override': coordinatorServerName,
    });
    onTestFinished(() => client.close());
    return new Visitor(coordinator.addresses.dashboard ?? '', client);
  }

  /** A one-time link, as `testudo dashboard` prints it. */
  async link(): Promise<string> {
    const asked = await settle<GetDashboardLinkResponse>((done) => this.#client.getDashboardLink({}, done));
    return unwrap(asked).url;
  }

  /** Opens a session by a link. What it answered. */
  async login(link?: string, headers: Asked['headers'] = {}): Promise<Answer> {
    const secret = (link ?? (await this.link())).split('#')[1];
    const answer = await this.ask('/api/login', { method: 'POST', body: { secret }, headers });
    if (answer.status === 200) {
      this.session = answer.body as SessionShape;
      [this.#cookieHeader = ''] = answer.headers['set-cookie'] ?? [];
      [this.cookie = ''] = this.#cookieHeader.split(';');
    }
    return answer;
  }

  /** As the session's cookie was set. */
  get cookieHeader(): string {
    return this.#cookieHeader;
  }

  /** A change as a page of ours asks for it. */
  change(path: string, body: unknown, headers: Asked['headers'] = {}): Promise<Answer> {
    return this.ask(path, { method: 'POST', body, headers });
  }

  /** As a browser on our page would ask, unless `headers` say otherwise; an empty one is left out. */
  ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
    const usual: Record<string, string> = {
      cookie: this.cookie,
      'sec-fetch-site': 'same-origin',
      ...(method !== 'GET' && {
        origin: this.address,
        'content-type': 'application/json',
        'x-testudo-token': this.session?.token ?? '',
      }),
      ...headers,
    };
    const sent = Object.fromEntries(Object.entries(usual).filter(([, value]) => value !== ''));
    return new Promise((resolve, reject) => {
      const request = httpRequest(`${this.address}${path}`, { method, headers: sent }, async (response) => {
        let text = '';
        for await (const part of response) text += String(part);
        const isJson = response.headers['content-type'] === 'application/json';
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          body: isJson ? JSON.parse(text) : undefined,
        });
      });
      request.on('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** The live stream: its events as they come, until it ends. */
  async *events(): AsyncGenerator<Readonly<{ event: string; data: unknown }>, void> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest(`${this.address}/api/live`, { headers: { cookie: this.cookie } }, resolve)
        .on('error', reject)
        .end();
    });
    if (response.statusCode !== 200) throw new Error(`the live stream was answered with ${response.statusCode}`);
    let text = '';
    for await (const part of response) {
      text += String(part);
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        yield { event, data: JSON.parse(data) };
      }
    }
  }
}
