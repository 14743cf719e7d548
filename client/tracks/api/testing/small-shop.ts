/** A small shop's traffic as the recorded layout writes it: a gateway that asks auth about tokens, orders, users and a catalogue. */
import { type Random, seededRandom } from '../../../../base/random.ts';

const columns =
  't,cluster,phase,reporter,method,path,response_code,bytes_received,bytes_sent,duration,request_id,downstream_service,upstream_service,upstream_version,route_name,auth,issuer,subject,source,source_net,body_fields,label,attack,run,stage'.split(
    ',',
  );

export type Line = Readonly<{
  t: number;
  method: string;
  path: string;
  to: string;
  id: string;
  from?: string;
  status?: number;
  sent?: number;
  received?: number;
  auth?: string;
  issuer?: string;
  subject?: string;
  source?: string;
  network?: string;
  fields?: string;
  attack?: string;
}>;

export function csvOf(lines: readonly Line[]): string {
  const rows = lines.map((line) => {
    const { t, method, path, to, id, from = '-', status = 200, attack = '' } = line;
    const { sent = 300, received = 0, auth = 'none', issuer = '-', fields = '' } = line;
    const { subject = '-', source = '-', network = '-' } = line;
    const phase = t < learnS ? 'train' : 'test';
    const seen = [t.toFixed(2), 'small', phase, 'inbound', method, path, status, received, sent, 5, id, from, to];
    const rest = ['v1', '-', auth, issuer, subject, source, network, fields, attack === '' ? 'normal' : 'attack'];
    return [...seen, ...rest, attack, '', attack === '' ? '' : 'act'].map(quoted).join(',');
  });
  return `${[columns.join(','), ...rows].join('\n')}\n`;
}

function quoted(value: string | number): string {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const users = 40;
/** Seconds of learning, and of everything. */
export const learnS = 12 * 3_600;
const endS = 16 * 3_600;

type Caller = Readonly<{ subject: string; source: string; network: string }>;

export function userOf(n: number): Caller {
  return { subject: `user${n}`, source: `address${n}`, network: `net${n % 12}` };
}

/** A request from outside with the calls that it leads to. */
export function request(
  t: number,
  id: string,
  caller: Caller,
  line: Pick<Line, 'method' | 'path'> & Partial<Line>,
): Line[] {
  const { attack = '' } = line;
  const { subject, source, network } = caller;
  const token = line.auth ?? 'bearer';
  const base = { id, attack, status: line.status ?? 200, sent: line.sent ?? 300, received: line.received ?? 0 };
  const fields = line.fields ?? '';
  const signed = token === 'bearer' ? { auth: token, issuer: line.issuer ?? 'idp', subject } : { auth: token };
  const service = line.to ?? (/^\/([a-z]+)/.exec(line.path)?.[1] as string);
  return [
    { ...base, ...signed, t, method: line.method, path: `/api${line.path}`, to: 'gateway', source, network, fields },
    ...(token === 'bearer'
      ? [
          {
            id,
            attack,
            t: t + 0.01,
            method: 'POST',
            path: '/introspect',
            to: 'auth',
            from: 'gateway',
            auth: 'bearer',
            issuer: 'service',
            subject: 'gateway',
            source: 'pod-gateway',
            received: 36,
          },
        ]
      : []),
    {
      ...base,
      ...signed,
      t: t + 0.02,
      method: line.method,
      path: line.path,
      to: service,
      from: 'gateway',
      source: 'pod-gateway',
      fields,
    },
  ];
}

/** What 40 users do in sixteen hours: log in, look at the catalogue, search, open their own orders, change their names. */
export function normalTraffic(seed = 2): Line[] {
  const random = seededRandom(seed);
  const lines: Line[] = [];
  let count = 0;
  const id = () => `n${(count++).toString(16)}`;
  for (let n = 0; n < users; n++) {
    for (let start = random() * 3_600; start < endS; start += 1_800 + random() * 7_200)
      visit(n, start, random, lines, id);
  }
  return lines.sort((a, b) => a.t - b.t);
}

const words = ['lamp', 'red chair', 'garden table', "O'Brien", 'select committee', 'usb-c cable', '4k monitor'];

function visit(n: number, start: number, random: Random, lines: Line[], id: () => string): void {
  const user = userOf(n);
  let t = start;
  const next = () => {
    t += 2 + random() * 40;
    return t;
  };
  const login = { method: 'POST', path: '/login', to: 'auth', auth: 'none', fields: 'password user', received: 50 };
  if (random() < 0.06) lines.push(...request(next(), id(), user, { ...login, status: 401 }));
  lines.push(...request(next(), id(), user, login));
  for (let step = 2 + Math.floor(random() * 6); step > 0; step--) {
    const own = 1_000 + n * 10 + Math.floor(random() * 4);
    const choice = random();
    if (choice < 0.35) {
      const path = `/catalogue/items/${10 + Math.floor(random() * 60)}`;
      lines.push(...request(next(), id(), user, { method: 'GET', path, sent: 900 }));
    } else if (choice < 0.55) {
      const word = encodeURIComponent(words[Math.floor(random() * words.length)] as string);
      const path = `/catalogue/search?q=${word}&page=${1 + Math.floor(random() * 3)}`;
      lines.push(...request(next(), id(), user, { method: 'GET', path, sent: 4_000 }));
    } else if (choice < 0.85) {
      lines.push(...request(next(), id(), user, { method: 'GET', path: `/orders/${own}`, sent: 700 }));
    } else if (choice < 0.95) {
      lines.push(...request(next(), id(), user, { method: 'GET', path: '/orders', sent: 2_000 }));
    } else {
      lines.push(...request(next(), id(), user, { method: 'PATCH', path: '/users/me', fields: 'name', received: 30 }));
    }
  }
}
